//! Limits of difference quotients, from one side.
//!
//! Where a function is not smooth its derivative may still be the limit of difference quotients. These are followed to the
//! smallest steps at which rounding leaves them, and extrapolated; a limit is believed where several extrapolations agree.

/// From one step to the next; what is linear in the step is eliminated.
const RATIO: f64 = 4.0;

/// Quotients that are needed for a verdict.
const RUN: usize = 5;

/// Extrapolated values agree if they differ by less than this part of the largest quotient.
const AGREE: f64 = 1e-4;

/// A quotient counts if rounding is a smaller part of the largest one.
const CLEAR: f64 = 1e-5;

/// Growth from quotient to quotient that is that of a power; a logarithm's is less at small steps.
const GROWTH: f64 = 1.1;

/// A difference quotient, and how much of it may be rounding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quotient {
    pub value: f64,
    pub noise: f64,
}

/// What difference quotients do as the step goes to 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trend {
    /// There are none: the function has no values on this side.
    Absent,
    /// They have this limit, up to the error.
    Limit { value: f64, error: f64 },
    /// They grow beyond all bounds as a power of the step does; so large they got.
    Infinite { reached: f64 },
    /// Nothing is certain.
    Unknown,
}

/// Steps from 4⁻² down, of which the smallest are still exact when added to components of size 1, or to 0.
pub(crate) fn steps(from_zero: bool) -> impl Iterator<Item = f64> {
    let least = if from_zero { 20 } else { 13 };
    (2..=least).map(|k| RATIO.powi(-k))
}

/// What is left of two quotients at successive steps when the part that is linear in the step is eliminated.
pub(crate) fn extrapolated(coarse: f64, fine: f64) -> f64 {
    (RATIO * fine - coarse) / (RATIO - 1.0)
}

/// The trend of quotients at steps that fall by the ratio; `size` is that of a slope that matters at all.
pub(crate) fn trend(quotients: &[Option<Quotient>], size: f64) -> Trend {
    let start = quotients.iter().rposition(Option::is_none).map_or(0, |i| i + 1);
    let all: Vec<Quotient> = quotients[start..].iter().copied().flatten().collect();
    if all.is_empty() {
        return Trend::Absent;
    }
    let largest = all.iter().fold(size, |m, q| m.max(q.value.abs()));
    let clear: Vec<f64> = all
        .iter()
        .take_while(|q| q.noise <= CLEAR * largest && q.value.is_finite())
        .map(|q| q.value)
        .collect();
    if clear.len() < RUN {
        return Trend::Unknown;
    }
    let finest = &clear[clear.len() - RUN..];
    let limits: Vec<f64> = finest.windows(2).map(|q| extrapolated(q[0], q[1])).collect();
    let [.., before, last] = limits[..] else { return Trend::Unknown };
    let spread = limits.windows(2).fold(0.0_f64, |m, pair| m.max((pair[0] - pair[1]).abs()));
    if spread <= AGREE * largest {
        let noise = all[clear.len() - 1].noise;
        let error = 4.0 * (last - before).abs() + 2.0 * noise;
        return Trend::Limit { value: last, error };
    }
    let growths: Vec<f64> = finest.windows(2).map(|q| q[1] / q[0]).collect();
    let even = growths.windows(2).all(|pair| (pair[1] / pair[0] - 1.0).abs() < 0.05);
    match growths.iter().all(|&growth| growth > GROWTH) && even {
        true => Trend::Infinite { reached: finest[RUN - 1] },
        false => Trend::Unknown,
    }
}

/// The trend at a point from those on both sides of it; at an end of the domain that on the one side.
pub(crate) fn both(sides: [Trend; 2]) -> Trend {
    match sides {
        [Trend::Absent, side] | [side, Trend::Absent] => side,
        [Trend::Limit { value: a, error: of_a }, Trend::Limit { value: b, error: of_b }] => {
            let error = of_a.max(of_b);
            match (a - b).abs() <= 1e-3 * a.abs().max(b.abs()) + 4.0 * error {
                true => Trend::Limit { value: 0.5 * (a + b), error },
                false => Trend::Unknown,
            }
        }
        [Trend::Infinite { reached: a }, Trend::Infinite { reached: b }]
            if a.signum() == b.signum() =>
        {
            Trend::Infinite { reached: if a.abs() < b.abs() { a } else { b } }
        }
        _ => Trend::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(f: impl Fn(f64) -> f64, sign: f64) -> Trend {
        let quotients: Vec<Option<Quotient>> = steps(true)
            .map(|h| {
                let (value, base) = (f(sign * h), f(0.0));
                let noise = 2.0 * f64::EPSILON * (value.abs() + base.abs()) / h;
                let quotient = Quotient { value: (value - base) / (sign * h), noise };
                quotient.value.is_finite().then_some(quotient)
            })
            .collect();
        trend(&quotients, 1e-3 * f(0.0).abs())
    }

    fn at_zero(f: impl Fn(f64) -> f64) -> Trend {
        both([-1.0, 1.0].map(|sign| of(&f, sign)))
    }

    fn is_limit(trend: Trend, expected: f64) -> bool {
        matches!(trend, Trend::Limit { value, error }
            if (value - expected).abs() <= 1e-4 * expected.abs() + error)
    }

    #[test]
    fn limits_are_found_where_rules_meet_an_infinite_factor() {
        assert!(is_limit(at_zero(|x| (x * x * x).cbrt()), 1.0));
        assert!(is_limit(at_zero(|x| x.sqrt() * x.sqrt()), 1.0));
        assert!(is_limit(at_zero(|x| x.max(0.0) - (-x).max(0.0)), 1.0));
        assert!(is_limit(at_zero(|x| x.abs().powi(2)), 0.0));
        assert!(is_limit(at_zero(|x| x.abs().powf(1.5)), 0.0));
        assert!(is_limit(at_zero(|x| (2.0 + x).exp().sin()), 2_f64.exp() * 2_f64.exp().cos()));
        assert!(is_limit(at_zero(|_| 3.0), 0.0));
    }

    #[test]
    fn infinite_slopes_are_told_from_finite_ones() {
        let infinite = |trend| matches!(trend, Trend::Infinite { reached } if reached > 1e3);
        assert!(infinite(at_zero(f64::sqrt)));
        assert!(infinite(at_zero(f64::cbrt)));
        assert!(infinite(at_zero(|x| 1.0 + x.cbrt())));
    }

    #[test]
    fn nothing_is_said_where_there_is_no_limit() {
        assert_eq!(at_zero(f64::abs), Trend::Unknown);
        assert_eq!(at_zero(|x| x.max(0.0)), Trend::Unknown);
        assert_eq!(at_zero(|x| x.abs().sqrt()), Trend::Unknown);
        assert_eq!(at_zero(|x| if x == 0.0 { 0.0 } else { x * (1.0 / x).sin() }), Trend::Unknown);
        assert_eq!(at_zero(|x| if x == 0.0 { 0.0 } else { x * x.abs().ln() }), Trend::Unknown);
        assert_eq!(at_zero(|x| if x == 0.0 { 0.0 } else { x / x.abs().ln() }), Trend::Unknown);
        assert_eq!(at_zero(|x| if x > 0.0 { 1.0 + x } else { x }), Trend::Unknown);
        assert_eq!(at_zero(|x| (x - 1.0).sqrt()), Trend::Absent);
        // A slight curve at a scale below the smallest steps is a kink above it.
        assert_eq!(at_zero(|x| (x * x + 1e-30).sqrt()), Trend::Unknown);
    }
}
