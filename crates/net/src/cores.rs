//! Cores that the trainings of this process share.

use crate::threads::share;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Trainings at work.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// A training at work, for as long as this lives.
pub struct Busy;

impl Busy {
    /// One more.
    pub fn begin() -> Busy {
        BUSY.fetch_add(1, Ordering::Relaxed);
        Busy
    }

    /// The threads that it may have now: its share of the cores, at least 1.
    pub fn threads(&self) -> usize {
        share(cores(), BUSY.load(Ordering::Relaxed))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Those of the machine, or fewer where `OMP_NUM_THREADS` says so, as for numpy's products: joblib sets it for its processes, so
/// that all of them together have as many threads as there are cores.
fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| limited(std::env::var("OMP_NUM_THREADS").ok().as_deref()))
}

fn limited(variable: Option<&str>) -> usize {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    // It may be a list, one number for each level of nesting.
    let first = variable.and_then(|text| text.split(',').next()?.trim().parse().ok());
    all.min(first.filter(|cores| *cores > 0).unwrap_or(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_shared_and_limited() {
        assert_eq!([share(8, 0), share(8, 1), share(8, 3), share(2, 5)], [8, 8, 2, 1]);
        let all = limited(None);
        assert_eq!(
            [limited(Some("1")), limited(Some("1,4")), limited(Some("0")), limited(Some("many"))],
            [1, 1, all, all]
        );
        let (one, other) = (Busy::begin(), Busy::begin());
        let shared = one.threads();
        drop(other);
        assert!(shared >= 1 && one.threads() >= shared);
    }
}
