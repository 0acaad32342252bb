//! Operations of one's own: written once over any number, with a hand-written adjoint, or with one that is only numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dualtape_autodiff::{
    Array, Error, Function, Real, Scalar, Tensor, c,
    custom::{Adjoint, Elementwise, Fault, NumericAdjoint, Operation, View},
    gradient, hvp, jvp, record, record_f32,
};
use proptest::prelude::*;

/// `x³` for positive x, `sin x·y` otherwise; the loop is as long as the value says.
struct Branching;

impl Elementwise<2> for Branching {
    const NAME: &'static str = "branching";

    fn eval<S: Scalar>(&self, [x, y]: [S; 2]) -> S {
        if x <= c_of::<S>(0.0) {
            return x.sin() * y;
        }
        let mut power = x;
        let mut size = x;
        while size < c_of::<S>(3.0) {
            power *= x * y;
            size = size * c(2.0);
        }
        power
    }
}

fn c_of<S: Scalar>(value: f64) -> S {
    S::constant(value)
}

fn by_scalars<S: Scalar>(x: &[S], y: &[f64]) -> S {
    x.iter().zip(y).map(|(&x, &y)| Branching.eval([x, S::constant(y)]).powi(2)).sum()
}

fn close(got: &[f64], expected: &[f64], tolerance: f64) -> bool {
    let near = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * (1.0 + b.abs());
    got.len() == expected.len() && got.iter().zip(expected).all(near)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// One recording serves every element's every branch, and agrees with the scalar closure in all derivatives.
    #[test]
    fn elementwise_operations_take_each_elements_own_branch(
        at in prop::array::uniform4(-2.0..4.0_f64),
        v in prop::array::uniform4(-1.0..1.0_f64),
    ) {
        let y = [0.7, 1.3, -0.4, 0.9];
        let start = [1.0, 1.0, 1.0, 1.0];
        let data = Array::vector(y.to_vec());
        let recordings = AtomicUsize::new(0);
        let f = record(&start).data(&[&data]).function(|x, data| {
            recordings.fetch_add(1, Ordering::Relaxed);
            let y = Tensor::elementwise(Branching, [x, data[0]]);
            (y * y).sum()
        })?;
        let expected = gradient(|x| by_scalars(x, &y), &at)?;
        prop_assert!(close(&f.gradient(&at)?, &expected, 1e-13));
        let mut product = [0.0; 4];
        f.hvp_into(&at, &v, &mut product)?;
        prop_assert!(close(&product, &hvp(|x| by_scalars(x, &y), &at, &v)?, 1e-12));
        prop_assert_eq!(recordings.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn an_operation_of_mixed_shapes_broadcasts_and_others_are_refused() -> Result<(), Error> {
    let at = [0.3, -0.8, 1.9, 2.5];
    let tensor = record(&at).array().function(|x| {
        Tensor::elementwise(Branching, [x.view(0, &[2, 1]), x.view(1, &[3])]).sum()
    })?;
    let expected = gradient(
        |x| {
            (0..2)
                .flat_map(|i| (1..4).map(move |j| (i, j)))
                .map(|(i, j)| Branching.eval([x[i], x[j]]))
                .sum()
        },
        &at,
    )?;
    assert!(close(&tensor.gradient(&at)?, &expected, 1e-14));
    let refused = record(&at)
        .array()
        .function(|x| Tensor::elementwise(Branching, [x, x.view(0, &[3])]).sum());
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("shapes [[4], [3]] do not fit branching"), "{message}");
    Ok(())
}

#[test]
fn elementwise_operations_work_in_single_precision_and_print() -> Result<(), Error> {
    let at = [0.5_f32, -1.5];
    let f = record_f32(&at).array().function(|x| Tensor::elementwise(Branching, [x, x]).sum())?;
    let expected = dualtape_autodiff::generic::gradient(
        |x| x.iter().map(|&x| Branching.eval([x, x])).sum(),
        &at,
    )?;
    assert_eq!(f.gradient(&at)?, expected);
    assert!(f.to_string().contains("branching"), "{f}");
    Ok(())
}

/// Weighted mean of `exp(x)` and its hand-written adjoint, scaled by `slip`: right at 1.
struct ExpMean {
    slip: f64,
}

impl<R: Real> Operation<R> for ExpMean {
    fn name(&self) -> &'static str {
        "exp mean"
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String> {
        match x {
            [a, w] if a == w => Ok(vec![]),
            _ => Err("values and weights of one shape".into()),
        }
    }

    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        if x[1].data.iter().any(|&w| w < R::zero()) {
            return Err("a weight is negative".into());
        }
        y[0] = x[0].data.iter().zip(x[1].data).map(|(&x, &w)| w * x.exp()).sum();
        Ok(())
    }
}

impl<R: Real> Adjoint<R> for ExpMean {
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, R>],
        _y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>> {
        let weight_bar = x[0].exp() * y_bar;
        vec![Some(weight_bar * x[1]), Some(weight_bar * R::constant(self.slip))]
    }
}

impl<R: Real> NumericAdjoint<R> for ExpMean {
    fn adjoint(
        &self,
        x: &[View<'_, R>],
        _y: View<'_, R>,
        y_bar: View<'_, R>,
        x_bar: &mut [&mut [R]],
    ) {
        let [values_bar, weights_bar] = x_bar else { unreachable!("two operands") };
        for (k, (&x, &w)) in x[0].data.iter().zip(x[1].data).enumerate() {
            let e = x.exp() * y_bar.data[0];
            values_bar[k] = e * w;
            weights_bar[k] = e * R::constant(self.slip);
        }
    }
}

const AT: [f64; 4] = [0.3, -0.7, 0.5, 1.1];

fn plain<S: Scalar>(x: &[S]) -> S {
    ((x[0].exp() * x[2] + x[1].exp() * x[3]) * x[0]).sin()
}

fn numeric(slip: f64) -> Result<Function<'static>, Error> {
    record(&AT).array().function(move |x| {
        let y = Tensor::custom_numeric(ExpMean { slip }, &[x.view(0, &[2]), x.view(2, &[2])]);
        (y.to_var() * x.get(0)).sin()
    })
}

#[test]
fn a_hand_written_adjoint_serves_every_mode_and_order() -> Result<(), Error> {
    let f = record(&AT).array().function(|x| {
        let y = Tensor::custom(ExpMean { slip: 1.0 }, &[x.view(0, &[2]), x.view(2, &[2])]);
        (y.to_var() * x.get(0)).sin()
    })?;
    let at = [0.1, 0.4, 0.9, 0.2];
    assert!(close(&f.gradient(&at)?, &gradient(|x| plain(x), &at)?, 1e-14));
    let expected = dualtape_autodiff::hessian(|x| plain(x), &at)?;
    assert!(close(f.hessian(&at)?.as_slice(), expected.as_slice(), 1e-13));
    Ok(())
}

#[test]
fn a_numeric_adjoint_gives_gradients_and_refuses_the_rest() -> Result<(), Error> {
    let f = numeric(1.0)?;
    assert!(close(&f.gradient(&AT)?, &gradient(|x| plain(x), &AT)?, 1e-14));
    let refused = f.hvp_into(&AT, &[1.0, 0.0, 0.5, 0.0], &mut [0.0; 4]).unwrap_err();
    assert!(
        matches!(
            refused,
            Error::Failed { operation: "exp mean", fault: Fault::NumericAdjoint, .. }
        ),
        "{refused}"
    );
    let message = refused.to_string();
    assert!(
        message.contains("custom_operations.rs") && message.contains("second derivatives"),
        "{message}"
    );
    Ok(())
}

#[test]
fn modes_over_duals_agree_and_are_refused_alike() -> Result<(), Error> {
    fn stacked<'t>(x: &[dualtape_autodiff::Var<'t>]) -> [Tensor<'t>; 2] {
        let tape = x[0].tape().expect("an input");
        [Tensor::from_vars(tape, &x[..2]), Tensor::from_vars(tape, &x[2..])]
    }
    let v = [0.4, -1.0, 0.3, 0.8];
    let product = hvp(
        |x| (Tensor::custom(ExpMean { slip: 1.0 }, &stacked(x)).to_var() * x[0]).sin(),
        &AT,
        &v,
    )?;
    assert!(close(&product, &hvp(|x| plain(x), &AT, &v)?, 1e-13));
    let forward = jvp(
        |x| (Tensor::custom(ExpMean { slip: 1.0 }, &stacked(x)).to_var() * x[0]).sin(),
        &AT,
        &v,
    )?;
    assert!(close(&[forward.0, forward.1], &<[f64; 2]>::from(jvp(|x| plain(x), &AT, &v)?), 1e-14));
    let refused =
        jvp(|x| Tensor::custom_numeric(ExpMean { slip: 1.0 }, &stacked(x)).to_var(), &AT, &v);
    assert!(
        matches!(refused, Err(Error::Failed { fault: Fault::NumericAdjoint, .. })),
        "{refused:?}"
    );
    Ok(())
}

#[test]
fn wrong_adjoints_are_found_in_debug_builds() {
    let recorded = numeric(0.9);
    if !cfg!(debug_assertions) {
        return;
    }
    match recorded {
        Err(Error::Failed {
            fault: Fault::WrongAdjoint { operand: 1, adjoint, difference },
            ..
        }) => {
            assert!((adjoint / difference - 0.9).abs() < 1e-6);
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn refused_values_and_shapes_are_reported_with_the_operations_name() -> Result<(), Error> {
    let f = numeric(1.0)?;
    let refused = f.value(&[0.3, -0.7, 0.5, -1.1]).unwrap_err().to_string();
    assert!(refused.ends_with("exp mean: a weight is negative"), "{refused}");
    // The function is as good as new afterwards.
    assert!(f.value(&AT).is_ok());
    let refused = record(&AT)
        .array()
        .function(|x| Tensor::custom(ExpMean { slip: 1.0 }, &[x, x.view(0, &[2])]).to_var());
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("do not fit exp mean: values and weights of one shape")
    );
    Ok(())
}

/// `x²` for each element; its adjoint counts how often it is recorded, and may look at a value.
struct Counted {
    recorded: Arc<AtomicUsize>,
    looks: bool,
}

impl<R: Real> Operation<R> for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String> {
        Ok(x[0].to_vec())
    }

    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        y.iter_mut().zip(x[0].data).for_each(|(y, &x)| *y = x * x);
        Ok(())
    }
}

impl<R: Real> Adjoint<R> for Counted {
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, R>],
        _y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>> {
        self.recorded.fetch_add(1, Ordering::Relaxed);
        let twice = y_bar * x[0] * R::constant(2.0);
        let split = y_bar * x[0] + y_bar * x[0];
        vec![Some(if self.looks && x[0].data()[0] < R::zero() { split } else { twice })]
    }
}

#[test]
fn an_adjoint_is_recorded_once_unless_it_looks_at_values() -> Result<(), Error> {
    let (at, elsewhere, v) = ([0.5, -1.5, 2.0], [-0.5, 0.25, 3.0], [1.0, -0.5, 0.25]);
    for looks in [false, true] {
        let recorded = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&recorded);
        let f = record(&at).array().function(move |x| {
            let recorded = Arc::clone(&counter);
            (Tensor::custom(Counted { recorded, looks }, &[x]) * x).sum()
        })?;
        let before = recorded.load(Ordering::Relaxed);
        let mut product = [0.0; 3];
        f.hvp_into(&at, &v, &mut product)?;
        let third = f.taylor(&at, &v, 3)?[3];
        let derivations = recorded.load(Ordering::Relaxed) - before;
        assert!(if looks { derivations > 1 } else { derivations == 1 }, "{looks}: {derivations}");
        for x in [at, elsewhere] {
            assert!(close(&f.gradient(&x)?, &x.map(|x| 3.0 * x * x), 1e-15));
        }
        let expected: Vec<f64> = at.iter().zip(v).map(|(x, v)| 6.0 * x * v).collect();
        assert!(close(&product, &expected, 1e-15));
        assert!(close(&[third], &[v.iter().map(|v| v * v * v).sum()], 1e-14));
    }
    Ok(())
}

/// Something that counts how many of it there are.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Cube(#[expect(dead_code, reason = "it is there to be dropped")] Alive);

impl Elementwise<1> for Cube {
    const NAME: &'static str = "cube";

    fn eval<S: Scalar>(&self, [x]: [S; 1]) -> S {
        x * x * x
    }
}

impl<R: Real> Operation<R> for Cube {
    fn name(&self) -> &'static str {
        "cube"
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String> {
        Ok(x[0].to_vec())
    }

    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        y.iter_mut().zip(x[0].data).for_each(|(y, &x)| *y = x * x * x);
        Ok(())
    }
}

impl<R: Real> Adjoint<R> for Cube {
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, R>],
        _y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>> {
        vec![Some(y_bar * x[0] * x[0] * R::constant(3.0))]
    }
}

impl<R: Real> NumericAdjoint<R> for Cube {
    fn adjoint(
        &self,
        x: &[View<'_, R>],
        _y: View<'_, R>,
        y_bar: View<'_, R>,
        x_bar: &mut [&mut [R]],
    ) {
        for (i, x_bar) in x_bar[0].iter_mut().enumerate() {
            *x_bar = y_bar.data[i] * x[0].data[i] * x[0].data[i] * R::constant(3.0);
        }
    }
}

#[test]
fn operations_end_with_their_recordings() -> Result<(), Error> {
    let count = Arc::new(AtomicUsize::new(0));
    let (x, v) = ([0.5, -2.0], [1.0, 0.25]);
    for kind in 0..3 {
        let alive = Arc::clone(&count);
        let f = record(&x).array().function(move |x| {
            let cube = Cube(Alive::new(&alive));
            let y = match kind {
                0 => Tensor::elementwise(cube, [x]),
                1 => Tensor::custom(cube, &[x]),
                _ => Tensor::custom_numeric(cube, &[x]),
            };
            y.sum()
        })?;
        assert!(close(&f.gradient(&x)?, &x.map(|x| 3.0 * x * x), 1e-15));
        if kind < 2 {
            let mut product = [0.0; 2];
            f.hvp_into(&x, &v, &mut product)?;
            assert!(close(&product, &[3.0, -3.0], 1e-15));
            f.taylor(&x, &v, 4)?;
        }
        assert!(count.load(Ordering::Relaxed) > 0);
        drop(f);
        assert_eq!(count.load(Ordering::Relaxed), 0, "{kind}");
    }
    Ok(())
}
