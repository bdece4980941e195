//! The line search of Moré and Thuente (1994) as L-BFGS-B uses it: a step of sufficient decrease and small slope.

/// Of sufficient decrease.
const FTOL: f64 = 1e-3;
/// Of curvature.
const GTOL: f64 = 0.9;
/// Brackets relatively narrower than this are not divided further.
const XTOL: f64 = 0.1;
/// By how much steps are lengthened, at least and at most, before the minimum is bracketed.
const LONGER: (f64, f64) = (1.1, 4.0);
/// What a bracket must have shrunk to in two steps; else it is bisected.
const SHRINK: f64 = 0.66;
/// Longest step.
pub(super) const LONGEST: f64 = 1e10;

/// How far, the function there, and its slope.
#[derive(Debug, Clone, Copy)]
struct Point {
    at: f64,
    f: f64,
    g: f64,
}

impl Point {
    /// The same of the function less the line of slope `tilt`.
    fn tilted(self, tilt: f64) -> Point {
        Point { f: self.f - self.at * tilt, g: self.g - tilt, ..self }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Next {
    /// Look at this step.
    Try(f64),
    /// The step last looked at is taken.
    Taken,
}

/// A search in progress.
#[derive(Debug)]
pub(super) struct LineSearch {
    start: Point,
    /// The best point so far, and the other end of the interval.
    best: Point,
    other: Point,
    step: f64,
    bracketed: bool,
    /// Whether the function itself is looked at; before, it is tilted by the decrease that is asked for.
    second_stage: bool,
    /// Of the interval, now and before.
    widths: (f64, f64),
    /// Shortest and longest step.
    limits: (f64, f64),
}

impl LineSearch {
    /// From a function's value and (negative) slope at 0; `step` is looked at first.
    pub(super) fn new(f: f64, g: f64, step: f64) -> LineSearch {
        let start = Point { at: 0.0, f, g };
        LineSearch {
            start,
            best: start,
            other: start,
            step,
            bracketed: false,
            second_stage: false,
            widths: (LONGEST, 2.0 * LONGEST),
            limits: (0.0, step + LONGER.1 * step),
        }
    }

    /// Goes on with the value and slope at the step last looked at.
    pub(super) fn next(&mut self, f: f64, g: f64) -> Next {
        let now = Point { at: self.step, f, g };
        let tilt = FTOL * self.start.g;
        let enough = self.start.f + now.at * tilt;
        if f <= enough && g >= 0.0 {
            self.second_stage = true;
        }
        let (shortest, longest) = self.limits;
        let stuck = self.bracketed && (now.at <= shortest || now.at >= longest || longest - shortest <= XTOL * longest);
        let at_end = (now.at == LONGEST && f <= enough && g <= tilt) || (now.at == 0.0 && (f > enough || g >= tilt));
        if stuck || at_end || (f <= enough && g.abs() <= GTOL * -self.start.g) {
            return Next::Taken;
        }
        if !self.second_stage && f <= self.best.f && f > enough {
            let (best, other, now) = (self.best.tilted(tilt), self.other.tilted(tilt), now.tilted(tilt));
            let (best, other) = self.narrow(best, other, now);
            (self.best, self.other) = (best.tilted(-tilt), other.tilted(-tilt));
        } else {
            (self.best, self.other) = self.narrow(self.best, self.other, now);
        }
        let (best, other) = (self.best.at, self.other.at);
        if self.bracketed {
            if (other - best).abs() >= SHRINK * self.widths.1 {
                self.step = best + 0.5 * (other - best);
            }
            self.widths = ((other - best).abs(), self.widths.0);
            self.limits = (best.min(other), best.max(other));
        } else {
            let gone = self.step - best;
            self.limits = (self.step + LONGER.0 * gone, self.step + LONGER.1 * gone);
        }
        self.step = self.step.clamp(0.0, LONGEST);
        let (shortest, longest) = self.limits;
        if self.bracketed && (self.step <= shortest || self.step >= longest || longest - shortest <= XTOL * longest) {
            self.step = best;
        }
        Next::Try(self.step)
    }

    /// Chooses the next step from the interval's ends and the point looked at (the four cases of the paper's section 4),
    /// and gives the new ends.
    fn narrow(&mut self, best: Point, other: Point, now: Point) -> (Point, Point) {
        let (shortest, longest) = self.limits;
        let opposite = now.g * best.g.signum() < 0.0;
        let theta = |a: Point, b: Point| 3.0 * (a.f - b.f) / (b.at - a.at) + a.g + b.g;
        let largest = |a: f64, b: f64, c: f64| a.abs().max(b.abs()).max(c.abs());
        // √(θ² − g·g'), scaled against overflow.
        let root = |theta: f64, a: f64, b: f64, never_below: bool| {
            let s = largest(theta, a, b);
            let square = (theta / s) * (theta / s) - (a / s) * (b / s);
            let square = if never_below { square.max(0.0) } else { square };
            s * square.sqrt()
        };
        let secant = now.at + now.g / (now.g - best.g) * (best.at - now.at);
        let step = if now.f > best.f {
            // Higher: the minimum lies between.
            let theta = theta(best, now);
            let gamma = root(theta, best.g, now.g, false) * if now.at < best.at { -1.0 } else { 1.0 };
            let r = ((gamma - best.g) + theta) / (((gamma - best.g) + gamma) + now.g);
            let cubic = best.at + r * (now.at - best.at);
            let drop = (best.f - now.f) / (now.at - best.at) + best.g;
            let quadratic = best.at + best.g / drop / 2.0 * (now.at - best.at);
            self.bracketed = true;
            if (cubic - best.at).abs() < (quadratic - best.at).abs() {
                cubic
            } else {
                cubic + (quadratic - cubic) / 2.0
            }
        } else if opposite {
            // Lower, and the slope has turned: the minimum lies between.
            let theta = theta(best, now);
            let gamma = root(theta, best.g, now.g, false) * if now.at > best.at { -1.0 } else { 1.0 };
            let r = ((gamma - now.g) + theta) / (((gamma - now.g) + gamma) + best.g);
            let cubic = now.at + r * (best.at - now.at);
            self.bracketed = true;
            if (cubic - now.at).abs() > (secant - now.at).abs() { cubic } else { secant }
        } else if now.g.abs() < best.g.abs() {
            // Lower, and flatter: the cubic may have no minimum, or one on the wrong side.
            let theta = theta(best, now);
            let gamma = root(theta, best.g, now.g, true) * if now.at > best.at { -1.0 } else { 1.0 };
            let r = ((gamma - now.g) + theta) / ((gamma + (best.g - now.g)) + gamma);
            let cubic = if r < 0.0 && gamma != 0.0 {
                now.at + r * (best.at - now.at)
            } else if now.at > best.at {
                longest
            } else {
                shortest
            };
            if self.bracketed {
                let nearer = (cubic - now.at).abs() < (secant - now.at).abs();
                let step = if nearer { cubic } else { secant };
                let bound = now.at + SHRINK * (other.at - now.at);
                if now.at > best.at { bound.min(step) } else { bound.max(step) }
            } else {
                let further = (cubic - now.at).abs() > (secant - now.at).abs();
                (if further { cubic } else { secant }).min(longest).max(shortest)
            }
        } else if self.bracketed {
            // Lower, and no flatter.
            let theta = 3.0 * (now.f - other.f) / (other.at - now.at) + other.g + now.g;
            let gamma = root(theta, other.g, now.g, false) * if now.at > other.at { -1.0 } else { 1.0 };
            let r = ((gamma - now.g) + theta) / (((gamma - now.g) + gamma) + other.g);
            now.at + r * (other.at - now.at)
        } else if now.at > best.at {
            longest
        } else {
            shortest
        };
        self.step = step;
        if now.f > best.f { (best, now) } else { (now, if opposite { best } else { other }) }
    }
}
