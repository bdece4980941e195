//! Work of one run that several threads share.

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads that wait for work of one run. They are kept for an epoch or a step, not for a process: nothing is left of them in
/// one that is forked.
pub(crate) struct Crew(Option<ThreadPool>);

impl Crew {
    /// So many, at least 1. Where the system gives no more threads, one does all the work.
    pub(crate) fn new(threads: usize) -> Crew {
        let pool = || ThreadPoolBuilder::new().num_threads(threads).build().ok();
        Crew(if threads > 1 { pool() } else { None })
    }

    /// Does it on one of the threads, from where [`spread`] and [`both`] reach the others.
    pub(crate) fn work<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.0 {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

/// Whether this is a thread of a [`Crew`].
fn has_company() -> bool {
    rayon::current_thread_index().is_some()
}

/// Parts in which threads take `work`, of at least `least`: several for each, so that one does fewer whose core is slower or
/// has other work as well.
pub(crate) fn parts(threads: usize, work: usize, least: usize) -> usize {
    let most = if threads > 1 { EACH * threads } else { 1 };
    most.min(work / least).max(1)
}

/// Parts for each thread.
const EACH: usize = 4;

/// Does all parts, on all threads of the [`Crew`] that this is one of.
pub(crate) fn spread<P: Send>(parts: impl Iterator<Item = P>, work: impl Fn(P) + Sync) {
    let mut parts = parts.peekable();
    let Some(first) = parts.next() else { return };
    // Even one part that is handed out takes memory.
    if parts.peek().is_none() || !has_company() {
        work(first);
        return parts.for_each(work);
    }
    let work = &work;
    rayon::in_place_scope(|scope| {
        parts.for_each(|part| scope.spawn(move |_| work(part)));
        work(first);
    });
}

/// Does both, the second one on another thread of the [`Crew`] if there is one that has nothing to do.
pub(crate) fn both<A: Send, B: Send>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B + Send) -> (A, B) {
    if has_company() { rayon::join(one, other) } else { (one(), other()) }
}

/// The threads that a run may have where `busy` of them share so many cores: at least 1.
pub(crate) fn share(cores: usize, busy: usize) -> usize {
    (cores / busy.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::{Barrier, Mutex};

    #[test]
    fn a_crew_shares_parts_and_one_thread_does_them_all() {
        let all = |crew: &Crew, wait: usize| {
            let (seen, barrier) = (Mutex::new(Vec::new()), Barrier::new(wait));
            crew.work(|| {
                spread(0..8, |part: usize| {
                    // Each of the first two waits for the other one.
                    if part < wait {
                        barrier.wait();
                    }
                    seen.lock().unwrap().push((part, std::thread::current().id()));
                });
            });
            let seen = seen.into_inner().unwrap();
            let parts: BTreeSet<usize> = seen.iter().map(|(part, _)| *part).collect();
            assert_eq!((seen.len(), parts), (8, (0..8).collect()));
            seen.iter().map(|(_, thread)| *thread).collect::<std::collections::HashSet<_>>().len()
        };
        assert_eq!(all(&Crew::new(2), 2), 2);
        assert_eq!(all(&Crew::new(1), 1), 1);
        let barrier = Barrier::new(2);
        let waits = || barrier.wait().is_leader();
        let (one, other) = Crew::new(2).work(|| both(waits, waits));
        assert!(one != other);
        assert_eq!(both(|| 1, || 2), (1, 2));
    }

    #[test]
    fn parts_are_several_for_each_thread_but_not_too_small() {
        assert_eq!([parts(1, 1000, 1), parts(2, 1000, 1), parts(2, 50, 10), parts(8, 5, 10)], [1, 8, 5, 1]);
    }

    #[test]
    fn a_panic_within_a_crew_reaches_who_asked() {
        let caught = std::panic::catch_unwind(|| {
            Crew::new(2).work(|| spread(0..4, |part| assert!(part != 2, "part {part}")));
        });
        assert!(caught.is_err());
    }
}
