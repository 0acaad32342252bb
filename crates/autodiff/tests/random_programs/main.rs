//! Random programs over scalars and arrays: all compositions of forward and reverse mode agree, and a replay is the
//! function.

mod arrays;

use dualtape_autodiff::{
    Binary, Dual, Elementary, Error, Function, Scalar, Tape, Unary, Var, c, gradient, hvp, jvp,
};
use proptest::prelude::*;

const INPUTS: usize = 5;

/// One step appends a scalar to those there are; operands are picked from them by number.
#[derive(Clone, Debug)]
enum Step {
    Map(usize, usize),
    Zip(usize, usize, usize),
    Power(i32, usize),
    PowerReal(f64, usize),
    Sum(Vec<usize>),
    Dot(Vec<usize>),
    MulAdd([usize; 3]),
    /// Six scalars stacked to a matrix, an operation on it, and a weighted sum of the result.
    Array(usize, [usize; 6], usize),
}

fn step() -> impl Strategy<Value = Step> {
    let i = || any::<prop::sample::Index>().prop_map(|i| i.index(1 << 16));
    let list = || prop::collection::vec(any::<u16>().prop_map(usize::from), 1..5);
    prop_oneof![
        3 => (i(), i()).prop_map(|(f, x)| Step::Map(f, x)),
        3 => (i(), i(), i()).prop_map(|(f, a, b)| Step::Zip(f, a, b)),
        1 => (-3..4_i32, i()).prop_map(|(n, x)| Step::Power(n, x)),
        1 => (-1.5..2.5_f64, i()).prop_map(|(p, x)| Step::PowerReal(p, x)),
        1 => list().prop_map(Step::Sum),
        1 => list().prop_map(Step::Dot),
        1 => [i(), i(), i()].prop_map(Step::MulAdd),
        4 => (0..arrays::COUNT, [i(), i(), i(), i(), i(), i()], i())
            .prop_map(|(op, x, f)| Step::Array(op, x, f)),
    ]
}

/// A value between 0.3 and 0.7, where every elementary function is smooth, as steep as one likes.
fn tame<T: Elementary>(x: T) -> T {
    x.map(Unary::Sigmoid) * x.lift(0.4) + x.lift(0.3)
}

/// The operand of `f`, moved into its domain.
fn in_domain<T: Elementary>(f: Unary, x: T) -> T {
    match f {
        Unary::Acosh => tame(x) + x.lift(1.0),
        _ => tame(x),
    }
}

/// A function of two varying arguments; the order of a polygamma or Bessel function is not one.
fn binary(f: usize) -> Binary {
    match Binary::ALL[f % Binary::ALL.len()] {
        Binary::Polygamma | Binary::BesselJ => Binary::Mul,
        f => f,
    }
}

fn run<'t, S: Scalar>(steps: &[Step], x: &[Var<'t, S>]) -> Var<'t, S> {
    let mut values = x.to_vec();
    for step in steps {
        // Kept near 1, so that no composition overflows.
        let at = |i: usize| tame(values[i % values.len()]) + c(0.5);
        let value = match step {
            Step::Map(f, x) => {
                let f = Unary::ALL[f % Unary::ALL.len()];
                in_domain(f, at(*x)).map(f)
            }
            Step::Zip(f, a, b) => tame(at(*a)).zip(binary(*f), tame(at(*b))),
            Step::Power(n, x) => at(*x).powi(*n),
            Step::PowerReal(p, x) => at(*x).power_real(*p),
            Step::Sum(x) => x.iter().map(|&x| at(x)).sum(),
            Step::Dot(x) => Scalar::sum_of_products(x.iter().map(|&i| (at(i), at(i / 3)))),
            Step::MulAdd([a, b, c]) => at(*a).mul_add(at(*b), at(*c)),
            Step::Array(op, x, f) => {
                arrays::on_array(*op, *f, &x.map(at)).unwrap_or(Var::from_value(S::one()))
            }
        };
        values.push(value);
    }
    let last = values.len() - 1;
    values[last] * values[last / 2] + values[last]
}

type Nested = Dual<Dual<f64, 1>, 1>;

/// `vᵀ∇²f·v` by forward over forward mode: the program on a tape of nested dual numbers.
fn forward_twice(steps: &[Step], x: &[f64], v: &[f64]) -> Result<f64, Error> {
    let tape = Tape::<Nested>::new();
    let moved =
        |x: f64, v: f64| Dual { re: Dual { re: x, eps: [v] }, eps: [Dual { re: v, eps: [0.0] }] };
    let inputs: Vec<_> = x.iter().zip(v).map(|(&x, &v)| tape.input(moved(x, v))).collect();
    let value = run(steps, &inputs).value();
    tape.error().map_or(Ok(value.eps[0].eps[0]), Err)
}

/// `∇(∇f·v)` by reverse over forward mode: a tape of dual numbers over handles of another tape.
fn reverse_over_forward(steps: &[Step], x: &[f64], v: &[f64]) -> Result<Vec<f64>, Error> {
    gradient(|x| slope_along(steps, x, v), x)
}

/// `∇(∇f·v)` by reverse over reverse mode: the gradient of a recorded gradient.
fn reverse_twice(steps: &[Step], x: &[f64], v: &[f64]) -> Result<Vec<f64>, Error> {
    gradient(|x| run(steps, x).gradient(x).iter().zip(v).map(|(&g, &v)| g * v).sum(), x)
}

fn slope_along<'t>(steps: &[Step], x: &[Var<'t>], v: &[f64]) -> Var<'t> {
    let tape = Tape::<Dual<Var<'t>, 1>>::new();
    let inputs: Vec<_> = x
        .iter()
        .zip(v)
        .map(|(&x, &v)| tape.input(Dual { re: x, eps: [Var::from_value(v)] }))
        .collect();
    let value = run(steps, &inputs).value();
    value.eps[0]
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn all_modes_agree(
        steps in prop::collection::vec(step(), 1..10),
        x in prop::array::uniform5(-1.5..1.5_f64),
        v in prop::array::uniform5(-1.0..1.0_f64),
        other in prop::array::uniform5(-1.5..1.5_f64),
    ) {
        let steps = &steps;
        let f = Function::record(&x, |x| run(steps, x)).expect("shapes fit");
        let at = f.linearize(&x).expect("shapes fit");
        let products = at.hvp(&v).expect("as long as the point");
        let one_shot = hvp(|x| run(steps, x), &x, &v).expect("shapes fit");
        let nested = reverse_over_forward(steps, &x, &v).expect("shapes fit");
        let recorded = reverse_twice(steps, &x, &v).expect("shapes fit");
        let g = gradient(|x| run(steps, x), &x).expect("shapes fit");
        let (value, slope) = jvp(|x| run(steps, x), &x, &v).expect("shapes fit");
        // Rounding grows with the number of steps and with the derivatives that are added up.
        let growth = (20.0 * (1.0 + steps.len() as f64)).powi(2);
        let size = |x: &[f64]| x.iter().fold(1.0_f64, |m, x| m.max(x.abs()));
        let scale = size(&products).max(size(&g)).max(value.abs());
        let tolerance = f64::EPSILON * growth * scale * 16.0;
        let near = |a: f64, b: f64| (a - b).abs() <= tolerance || (a.is_nan() && b.is_nan());
        // Elementary functions of arrays of plain numbers have their own last bits.
        prop_assert!(near(f.value(&x).expect("same length"), value));
        for i in 0..INPUTS {
            prop_assert!(near(at.gradient()[i], g[i]), "gradient {}: {} {}", i, at.gradient()[i], g[i]);
            prop_assert!(near(products[i], one_shot[i]), "{}: {} {}", i, products[i], one_shot[i]);
            prop_assert!(near(products[i], nested[i]), "{}: {} {}", i, products[i], nested[i]);
            prop_assert!(near(products[i], recorded[i]), "{}: {} {}", i, products[i], recorded[i]);
        }
        prop_assert!(near(dot(&g, &v), slope), "{} {}", dot(&g, &v), slope);
        let curvature = forward_twice(steps, &x, &v).expect("shapes fit");
        prop_assert!(near(dot(&products, &v), curvature), "{} {}", dot(&products, &v), curvature);
        // The same program elsewhere, replayed and recorded anew.
        let replayed = f.gradient(&other).expect("same length");
        let fresh = Function::record(&other, |x| run(steps, x)).expect("shapes fit");
        prop_assert_eq!(
            f.value(&other).expect("same length").to_bits(),
            fresh.value(&other).expect("same length").to_bits()
        );
        let again = fresh.gradient(&other).expect("same length");
        for (a, b) in replayed.iter().zip(&again) {
            prop_assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()), "{} {}", a, b);
        }
    }
}
