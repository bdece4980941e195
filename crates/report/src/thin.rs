//! Long lines with fewer points that look the same.

/// A point in pixels or in values.
pub(crate) type Point = (f64, f64);

/// At most about `limit` of `points`: of each of `limit / 4` equal runs its first, lowest, highest and last. All of
/// them if they are no more than `limit`.
pub(crate) fn thin(points: &[Point], limit: usize) -> Vec<Point> {
    if points.len() <= limit.max(4) {
        return points.to_vec();
    }
    let size = points.len().div_ceil((limit / 4).max(1));
    let mut kept = Vec::with_capacity(limit + 4);
    for run in points.chunks(size) {
        let order = |a: &usize, b: &usize| run[*a].1.total_cmp(&run[*b].1);
        let mut places = vec![0, run.len() - 1];
        places.extend((0..run.len()).min_by(order));
        places.extend((0..run.len()).max_by(order));
        places.sort_unstable();
        places.dedup();
        kept.extend(places.iter().map(|&place| run[place]));
    }
    kept
}

/// Without the points inside runs of one value: the line through what is left is the same.
pub(crate) fn level(points: &[Point]) -> Vec<Point> {
    let inside = |place: usize| {
        place > 0
            && place + 1 < points.len()
            && points[place - 1].1 == points[place].1
            && points[place].1 == points[place + 1].1
    };
    (0..points.len()).filter(|&place| !inside(place)).map(|place| points[place]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_extremes_stay() {
        let mut points: Vec<Point> = (0..10_000).map(|x| (f64::from(x), (f64::from(x) / 500.0).sin())).collect();
        points[4321].1 = 9.0;
        points[8765].1 = -9.0;
        let kept = thin(&points, 400);
        assert!(kept.len() <= 404, "{}", kept.len());
        assert!(kept.iter().all(|point| points.contains(point)));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for place in [0, 4321, 8765, 9999] {
            assert!(kept.contains(&points[place]), "{place}");
        }
        assert_eq!(thin(&points[..400], 400), points[..400]);
        assert!(thin(&[], 10).is_empty());
    }

    #[test]
    fn level_runs_keep_their_ends() {
        let points: Vec<Point> =
            [1.0, 1.0, 1.0, 2.0, 3.0, 3.0].iter().enumerate().map(|(x, y)| (x as f64, *y)).collect();
        let kept: Vec<f64> = level(&points).iter().map(|point| point.0).collect();
        assert_eq!(kept, [0.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(level(&points[..1]).len(), 1);
    }
}
