//! How fast a Taylor remainder falls.
//!
//! Along a line, `φ(h)` is compared with its Taylor polynomial of degree k, for `h = ½, ¼, ⅛, …` on both sides until rounding
//! hides the remainder. Of a right derivative the remainder falls as `hᵏ⁺¹`. Its even and odd parts tell more: where the
//! k-th derivative is wrong, the part of the parity of k falls as `hᵏ` only; where the function has a kink, the other part
//! does. So no step size is trusted, a kink is not mistaken for an error, and the derivative can be measured.

use std::ops::Range;

/// Steps that a verdict needs: three slopes.
const RUN: usize = 4;

/// A remainder counts if it is this many times larger than its rounding error may be.
const CLEAR: f64 = 30.0;

/// By how much the slope of a wrong part may differ from k.
const SLACK: f64 = 0.35;

/// No smaller step than 2⁻⁴⁰ of the length of the point, so that what is added to the point is the step itself.
const MOST_HALVINGS: usize = 40;

/// A function on a line, at 0 and on both sides of it.
#[derive(Debug)]
pub(crate) struct Curve {
    base: Sample,
    pairs: Vec<Pair>,
}

/// A value, and the sum of the magnitudes of the terms of which it is the sum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub value: f64,
    pub magnitude: f64,
}

#[derive(Debug)]
struct Pair {
    h: f64,
    ahead: Sample,
    behind: Sample,
}

/// A derivative as it was claimed, and by how much rounding may have changed it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub derivative: f64,
    pub error: f64,
}

/// What a curve says of the last of the derivatives claimed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judgement {
    /// Nothing against it.
    Holds,
    /// It is wrong: the remainder falls with this slope, and the derivative is this.
    Wrong { slope: f64, measured: f64 },
    /// The function is not so often differentiable: the slope of its other part.
    Kink { slope: f64 },
    /// There are not enough values on both sides.
    Edge,
}

/// Even and odd part of a remainder at one step, and how much of it may be rounding.
#[derive(Clone, Copy)]
struct Remainder {
    h: f64,
    parts: [f64; 2],
    noise: f64,
}

impl Curve {
    /// Samples `f` until the remainder after its slope is rounding only. `None` if there is no value at 0.
    pub(crate) fn sample(
        mut f: impl FnMut(f64) -> Option<Sample>,
        slope: f64,
        noise: f64,
    ) -> Option<Self> {
        let mut curve = Self { base: f(0.0)?, pairs: Vec::new() };
        let slope = if slope.is_finite() { slope } else { 0.0 };
        let claim = Claim { derivative: slope, error: 0.0 };
        let (mut hidden, mut flat) = (0, true);
        for halvings in 1..=MOST_HALVINGS {
            let h = 0.5_f64.powi(halvings as i32);
            let (Some(ahead), Some(behind)) = (f(h), f(-h)) else { continue };
            let pair = Pair { h, ahead, behind };
            let remainder = curve.remainder(&pair, &[claim], noise);
            curve.pairs.push(pair);
            flat &= remainder.parts == [0.0; 2];
            let clear = remainder.parts.iter().any(|part| part.abs() > CLEAR * remainder.noise);
            hidden = if clear { 0 } else { hidden + 1 };
            // What is exactly constant, or a straight line, near and far, is so in between.
            if hidden > RUN && (flat || curve.pairs.len() > 2 * RUN) {
                break;
            }
        }
        Some(curve)
    }

    /// Judges the last of the derivatives claimed, of order 1, 2, …; those before it are taken to be right.
    pub(crate) fn judge(&self, claims: &[Claim], noise: f64) -> Judgement {
        let order = claims.len();
        if self.pairs.len() < RUN {
            return Judgement::Edge;
        }
        let remainders: Vec<Remainder> =
            self.pairs.iter().map(|pair| self.remainder(pair, claims, noise)).collect();
        let part = |parity: usize| -> Vec<(f64, f64, f64)> {
            remainders.iter().map(|r| (r.h, r.parts[parity], r.noise)).collect()
        };
        let (own, other) = (part(order % 2), part(1 - order % 2));
        if let Some(run) = last_clear_run(&other, order)
            && slopes(&other[run.end - RUN..run.end])
                .iter()
                .all(|&slope| slope > -SLACK && slope < order as f64 + 0.5)
        {
            return Judgement::Kink { slope: slopes(&other[run])[0] };
        }
        let Some(run) = last_clear_run(&own, order) else { return Judgement::Holds };
        let last = slopes(&own[run.end - RUN..run.end]);
        if last.iter().any(|slope| (slope - order as f64).abs() > SLACK) {
            return Judgement::Holds;
        }
        if kink_explains(&own[run.end - RUN..run.end], &other[run.end - RUN..run.end], order) {
            return Judgement::Kink { slope: order as f64 };
        }
        let missed = error_of_derivative(&own[run], order);
        let slope = last.iter().sum::<f64>() / last.len() as f64;
        let claimed = claims.last().map_or(0.0, |claim| claim.derivative);
        Judgement::Wrong { slope, measured: claimed + missed }
    }

    /// Steps and remainders, for the report.
    pub(crate) fn table(&self, claims: &[Claim], noise: f64) -> Vec<(f64, f64)> {
        let remainders = self.pairs.iter().map(|pair| self.remainder(pair, claims, noise));
        let clear = remainders.filter(|r| r.parts.iter().any(|part| part.abs() > r.noise));
        clear.map(|r| (r.h, r.parts[0].abs() + r.parts[1].abs())).collect()
    }

    fn remainder(&self, pair: &Pair, claims: &[Claim], noise: f64) -> Remainder {
        let Pair { h, ahead, behind } = *pair;
        let (up, down) = (ahead.value - self.base.value, behind.value - self.base.value);
        let mut parts = [0.5 * (up + down), 0.5 * (up - down)];
        let mut magnitude = ahead.magnitude + behind.magnitude + self.base.magnitude;
        let (mut power, mut claimed_wrong) = (1.0, 0.0);
        for (i, claim) in claims.iter().enumerate() {
            let order = i + 1;
            power *= h / order as f64;
            parts[order % 2] -= claim.derivative * power;
            magnitude += (claim.derivative * power).abs();
            claimed_wrong += claim.error * power;
        }
        let noise = 4.0 * (noise + f64::EPSILON * magnitude) + claimed_wrong;
        Remainder { h, parts, noise }
    }
}

/// The smallest steps, at least [`RUN`] in a row, at which a part is clear of rounding.
///
/// None if it vanishes after them faster than of this order: then they lay beyond a kink, and before it all is well.
fn last_clear_run(part: &[(f64, f64, f64)], order: usize) -> Option<Range<usize>> {
    let clear = |&(_, value, noise): &(f64, f64, f64)| value.abs() > CLEAR * noise;
    let end = part.iter().rposition(clear)? + 1;
    let start = part[..end].iter().rposition(|step| !clear(step)).map_or(0, |i| i + 1);
    if let Some((h, _, noise)) = part.get(end) {
        let (last_h, last, _) = part[end - 1];
        let foreseen = last.abs() * (h / last_h).powi(order as i32 + 1);
        if foreseen > 2.0 * CLEAR * noise {
            return None;
        }
    }
    (end - start >= RUN).then_some(start..end)
}

/// The slope between each step and the next.
fn slopes(part: &[(f64, f64, f64)]) -> Vec<f64> {
    let slope = |pair: &[(f64, f64, f64)]| {
        (pair[0].1 / pair[1].1).abs().log2() / (pair[0].0 / pair[1].0).log2()
    };
    part.windows(2).map(slope).collect()
}

/// Whether the other part has a term `|h|ᵏ` that is comparable to the term `hᵏ` of the own one, as at a kink, where they are
/// of equal size if the derivative is that of one side. Terms of the next order, which hide it, are eliminated.
fn kink_explains(own: &[(f64, f64, f64)], other: &[(f64, f64, f64)], order: usize) -> bool {
    let quotient = |&(h, value, _): &(f64, f64, f64)| value / h.powi(order as i32);
    let limit = |pair: &[(f64, f64, f64)]| {
        let ratio = pair[1].0 / pair[0].0;
        ((quotient(&pair[1]) - ratio * quotient(&pair[0])) / (1.0 - ratio)).abs()
    };
    let largest = own.iter().map(|step| quotient(step).abs()).fold(0.0, f64::max);
    let mut limits: Vec<f64> = other.windows(2).map(limit).collect();
    limits.sort_by(f64::total_cmp);
    limits[limits.len() / 2] > 0.25 * largest
}

/// `k!·part/hᵏ` for `h → 0`, where that varies least.
fn error_of_derivative(part: &[(f64, f64, f64)], order: usize) -> f64 {
    let factorial: f64 = (1..=order).map(|k| k as f64).product();
    let quotients: Vec<f64> =
        part.iter().map(|(h, value, _)| factorial * value / h.powi(order as i32)).collect();
    let change = |pair: &[f64]| (pair[0] - pair[1]).abs();
    let best = quotients.windows(2).min_by(|a, b| change(a).total_cmp(&change(b)));
    best.map_or(f64::NAN, |pair| pair[1] + (pair[1] - pair[0]) / 3.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(f: impl Fn(f64) -> f64) -> Option<Curve> {
        let sample = |h| {
            let value = f(h);
            value.is_finite().then_some(Sample { value, magnitude: value.abs() })
        };
        Curve::sample(sample, 0.0, 0.0)
    }

    fn judged(f: impl Fn(f64) -> f64, derivatives: &[f64]) -> Option<Judgement> {
        let claims: Vec<Claim> =
            derivatives.iter().map(|&derivative| Claim { derivative, error: 0.0 }).collect();
        Some(curve(f)?.judge(&claims, 0.0))
    }

    #[test]
    fn right_derivatives_hold_at_every_order() {
        for order in 1..=3 {
            assert_eq!(
                judged(|h| (0.3 + h).exp(), &vec![0.3_f64.exp(); order]),
                Some(Judgement::Holds)
            );
            assert_eq!(
                judged(|h| 2.0 - 3.0 * h, &[-3.0, 0.0, 0.0][..order]),
                Some(Judgement::Holds)
            );
            assert_eq!(judged(|_| 0.0, &[0.0; 3][..order]), Some(Judgement::Holds));
        }
    }

    #[test]
    fn wrong_derivatives_are_measured() {
        let e = 0.3_f64.exp();
        for order in 1..=3 {
            for wrong in [-1.0, 0.0, 0.999, 1.001, 2.0] {
                let mut claims = vec![e; order];
                claims[order - 1] *= wrong;
                match judged(|h| (0.3 + h).exp(), &claims) {
                    Some(Judgement::Wrong { slope, measured }) => {
                        assert!((slope - order as f64).abs() < 0.35, "{slope}");
                        assert!(
                            (measured - e).abs() < 2e-3 * (wrong - 1.0).abs(),
                            "{measured} {e}"
                        );
                    }
                    other => panic!("{order} {wrong}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn kinks_are_told_from_errors() {
        let kink = |judgement| matches!(judgement, Some(Judgement::Kink { .. }));
        for claimed in [0.0, 0.5, 1.0] {
            assert!(kink(judged(|h: f64| h.max(0.0), &[claimed])));
        }
        assert!(kink(judged(|h: f64| h.max(0.0).powi(2), &[0.0, 1.0])));
        assert!(kink(judged(|h: f64| 1.0 + h.max(1e-15), &[0.0])));
        assert!(kink(judged(|h: f64| if h > 0.0 { 1.0 + h } else { h }, &[1.0])));
        // A slight one, of third order, under a large fourth derivative.
        let slight = |h: f64| (7.0 * h).exp() + 0.1 * h.max(0.0).powi(3);
        assert!(kink(judged(slight, &[7.0, 49.0, 343.0])));
        // One that is farther away does not matter.
        for order in 1..=3 {
            let claims = &[1.0, 0.0, 0.0][..order];
            assert_eq!(judged(|h: f64| (h + 0.01).max(0.0), claims), Some(Judgement::Holds));
        }
        assert_eq!(judged(|h: f64| h.sqrt(), &[0.0]), Some(Judgement::Edge));
    }
}
