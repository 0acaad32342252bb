//! Products of the chain rule of a zero and an infinity: right where the zero is fixed, refused where it was computed, alike
//! in every mode.

use dualtape_autodiff::{
    Array, Error, IndeterminatePolicy, Recorder, Tensor, Var, checkpoint_scalars, generic,
    gradient, hessian, hvp, jacobian, jvp, record, sparse, taylor, third_derivative,
    tree::gradient_of, value_and_gradient, vjp,
};

type Loss = for<'t> fn(&[Var<'t>]) -> Var<'t>;

/// Functions with a derivative at a point at which the chain rule has `0·∞` or `0·NaN`, by order of that derivative.
const FIRST: [(&str, Loss, [f64; 2]); 7] = [
    ("cbrt of a cube", |x| x[0].powi(3).cbrt() + x[1], [0.0, 1.0]),
    ("square of a root", |x| x[0].sqrt() * x[0].sqrt() + x[1], [0.0, 1.0]),
    ("root of a square", |x| (x[0] * x[0]).sqrt() + x[1], [0.0, 1.0]),
    ("norm squared", |x| 0.5 * (x[0] * x[0] + x[1] * x[1]).sqrt().powi(2), [0.0, 0.0]),
    ("logarithm of a cube", |x| (x[0].powi(3) + 0.0 * x[1]).ln_1p().cbrt(), [0.0, 1.0]),
    ("probit", |x| dualtape_autodiff::Scalar::normal_cdf(x[0]).ln() + x[1], [-50.0, 1.0]),
    ("recip of recip", |x| x[0].powi(2).recip().recip().sqrt() + x[1], [0.0, 2.0]),
];

const SECOND: [(&str, Loss, [f64; 2]); 4] = [
    ("hypot squared", |x| 0.5 * x[0].hypot(x[1]).powi(2), [0.0, 0.0]),
    ("absolute value squared", |x| x[0].abs().powi(2) + x[1], [0.0, 1.0]),
    ("square of the magnitude", |x| x[0].abs() * x[0].abs() + x[1], [0.0, 1.0]),
    ("power 3/2 of a square", |x| (x[0] * x[0]).powf(1.5) + x[1], [0.0, 1.0]),
];

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, what: &str) {
    match result {
        Err(Error::Indeterminate { at: Some(at), .. }) => {
            assert!(at.file().ends_with("tests/indeterminate.rs"), "{what}: {at}")
        }
        other => panic!("{what}: {other:?}"),
    }
}

#[test]
fn a_gradient_is_refused_in_every_mode() -> Result<(), Error> {
    for (name, f, x) in FIRST {
        refused(gradient(f, &x), name);
        refused(value_and_gradient(f, &x), name);
        refused(Recorder::new().gradient(f, &x), name);
        refused(jvp(f, &x, &[1.0, 0.5]), name);
        refused(vjp(|x| vec![f(x), x[1]], &x, &[2.0, 0.5]), name);
        refused(jacobian(|x| vec![f(x), x[1]], &x), name);
        refused(hvp(f, &x, &[1.0, -0.5]), name);
        refused(hessian(f, &x), name);
        refused(taylor(f, &x, &[1.0, 0.5], 1), name);
        let recorded = record(&[0.7, 0.8]).function(f)?;
        refused(recorded.gradient(&x), name);
        refused(recorded.linearize(&x), name);
        refused(recorded.hessian(&x), name);
        let vector = record(&[0.7, 0.8]).vector(move |x| vec![f(x), x[1]])?;
        refused(vector.linearize(&x)?.jvp(&[0.3, 0.2]), name);
        refused(vector.linearize(&x)?.vjp(&[0.3, 0.2]), name);
        refused(vector.jacobian(&x), name);
    }
    Ok(())
}

#[test]
fn a_hessian_is_refused_in_every_mode() -> Result<(), Error> {
    for (name, f, x) in SECOND {
        let g = gradient(f, &x)?;
        assert!(g.iter().all(|g| g.is_finite()), "{name}: {g:?}");
        refused(hvp(f, &x, &[1.0, -0.5]), name);
        refused(hessian(f, &x), name);
        refused(third_derivative(f, &x, &[1.0, 0.5], &[0.5, 1.0]), name);
        refused(taylor(f, &x, &[1.0, -0.5], 2), name);
        refused(sparse::hessian(f, &x), name);
        let recorded = record(&[0.7, 0.8]).function(f)?;
        assert_eq!(recorded.gradient(&x)?, g, "{name}");
        let at = recorded.linearize(&x)?;
        refused(at.hvp(&[1.0, -0.5]), name);
        refused(at.hessian(), name);
        refused(at.hessian_diagonal(), name);
        let mut products = [0.0; 4];
        refused(at.hvps_into(&[1.0, -0.5, 0.5, 1.0], &mut products), name);
        refused(recorded.plan_sparse_hessian(&[0.7, 0.8])?.evaluate(&x).cloned(), name);
    }
    Ok(())
}

/// Arrays of one element take the same rules, as do batches of examples, compositions and derivatives within recordings.
#[test]
fn arrays_batches_and_nested_derivatives_are_refused_alike() -> Result<(), Error> {
    let f = record(&[0.5, 1.0]).array().function(|x| x.powi(3).cbrt().sum())?;
    refused(f.gradient(&[0.0, 1.0]), "array");
    assert_eq!(f.gradient(&[8.0, 1.0])?, [1.0, 1.0]);
    let norm = |x: &[f64]| record(x).array().function(|x| x.norm_axes(&[0]).powi(2).sum() * 0.5);
    refused(norm(&[0.5, 1.0])?.hessian(&[0.0, 0.0]), "norm");

    let data = Array::new(&[3, 1], vec![1.0, 2.0, 3.0])?;
    let examples = |policy| {
        record(&[0.5])
            .data(&[&data])
            .indeterminate(policy)
            .per_example(|w, row| (w * row[0]).powi(3).cbrt().sum())
    };
    refused(examples(IndeterminatePolicy::Refuse)?.values_and_gradients(&[0.0]), "examples");
    let nan = examples(IndeterminatePolicy::Nan)?;
    assert!(nan.values_and_gradients(&[0.0])?.1.as_slice().iter().all(|&g: &f64| g.is_nan()));

    let composite = record(&[0.5]).composite(|x| vec![x[0].powi(3)], |z| z[0].cbrt())?;
    refused(composite.linearize(&[0.0]), "loss of a composition");
    refused(composite.gradient(&[0.0]), "composition as a function");
    let model = record(&[0.5]).composite(|x| vec![x[0].powi(3).cbrt(), x[0]], |z| z[0] * z[1])?;
    refused(model.linearize(&[0.0]), "model of a composition");
    let arrays = record(&[0.5]).array();
    let arrays = arrays.composite(|x| x.powi(3), |z| z.to_var().cbrt())?;
    refused(arrays.linearize(&[0.0]), "loss of a composition of arrays");

    refused(gradient_of(|_, x: Var<'_>| x.powi(3).cbrt(), &0.0_f64), "tree");
    // The derivative of ∛(z³) at z = x is 1.
    let nested: Loss = |x| x[0].powi(3).cbrt().derivative(x[0]) + x[1];
    refused(gradient(nested, &[0.0, 1.0]), "nested");
    refused(record(&[0.5, 1.0]).function(nested)?.value(&[0.0, 1.0]), "nested, recorded");
    Ok(())
}

/// The derivative of a matrix product is a product itself, of which only some entries are looked at.
#[test]
fn an_entry_is_found_wherever_it_stands_in_a_matrix() -> Result<(), Error> {
    type OfArray = for<'t> fn(Tensor<'t>) -> Tensor<'t>;
    let row = Array::new(&[1, 4], vec![1.0, -2.0, 0.5, 3.0])?;
    let column = Array::new(&[3, 1], vec![2.0, 1.0, -1.0])?;
    let recorded = |f: OfArray| {
        record(&[1.0; 25]).data(&[&row, &column]).function(move |w, data| {
            let (a, b) = (w.view(0, &[4, 3]), w.view(12, &[4, 3]));
            (f(data[0].matmul(a)).sum() + f(b.matmul(data[1])).sum()) * w.get(24)
        })
    };
    let first = recorded(|y| y.powi(3).cbrt())?;
    let second = recorded(|y| y.abs().powi(2))?;
    let ordinary: Vec<f64> = (0..25).map(|i| 1.0 + 0.1 * f64::from(i)).collect();
    let v: Vec<f64> = (0..25).map(|i| 1.0 - 0.3 * f64::from(i)).collect();
    assert!(first.gradient(&ordinary)?.iter().all(|g| g.is_finite()));
    assert!(second.linearize(&ordinary)?.hvp(&v)?.iter().all(|y| y.is_finite()));
    // A column of the one matrix, then a row of the other, whose product with the data vanishes.
    let columns = (0..3).map(|j| (0..4).map(|i| 3 * i + j).collect::<Vec<_>>());
    let rows = (0..4).map(|i| (0..3).map(|j| 12 + 3 * i + j).collect());
    for zeros in columns.chain(rows) {
        let mut x = ordinary.clone();
        zeros.iter().for_each(|&i| x[i] = 0.0);
        refused(first.gradient(&x), &format!("{zeros:?}"));
        let at = second.linearize(&x)?;
        refused(at.hvp(&v), &format!("{zeros:?}"));
        refused(at.hvps_into(&[&v[..], &v].concat(), &mut [0.0; 50]), &format!("{zeros:?}"));
    }
    Ok(())
}

#[test]
fn in_single_precision_too() {
    let f = generic::gradient(|x: &[Var<'_, f32>]| x[0].powi(3).cbrt(), &[0.0_f32]);
    assert!(matches!(f, Err(Error::Indeterminate { .. })));
}

#[test]
fn the_error_names_operation_and_line() {
    let line = line!() + 1;
    let refused = gradient(|x| x[0].powi(3).cbrt(), &[0.0]).unwrap_err();
    let Error::Indeterminate { operation, at: Some(at) } = &refused else { panic!("{refused}") };
    assert_eq!((operation.as_str(), at.line()), ("cbrt", line));
    assert!(refused.to_string().contains("IndeterminatePolicy"), "{refused}");
}

/// Infinities that a function has stay; those that come of a rounded argument cannot be told from these, but their operations
/// are named as singular.
#[test]
fn infinite_derivatives_come_with_their_singularity() -> Result<(), Error> {
    let cases: [(&str, Loss, f64, f64); 8] = [
        ("sqrt", |x| x[0].sqrt(), 0.0, f64::INFINITY),
        ("half a circle", |x| (1.0 - x[0] * x[0]).sqrt(), 1.0, f64::NEG_INFINITY),
        ("sine of arccosine", |x| x[0].acos().sin(), 1.0, f64::NEG_INFINITY),
        ("exponential of arcsine", |x| x[0].asin().exp(), 1.0, f64::INFINITY),
        // The limit is 1.
        ("sine of arcsine", |x| x[0].asin().sin(), 1.0, f64::INFINITY),
        ("cosine of arccosine", |x| x[0].acos().cos(), -1.0, f64::INFINITY),
        ("arccosine of cosine", |x| x[0].cos().acos(), 1e-9, f64::INFINITY),
        ("root of an underflow", |x| (x[0] * x[0]).sqrt(), 1e-200, f64::INFINITY),
    ];
    for (name, f, x, expected) in cases {
        let recorded = record(&[0.7]).function(f)?;
        assert_eq!(gradient(f, &[x])?, [expected], "{name}");
        assert_eq!(recorded.gradient(&[x])?, [expected], "{name}");
        let told = recorded.smoothness(&[x])?.to_string();
        assert!(told.starts_with("a singularity of "), "{name}: {told}");
    }
    for (name, f, x) in [
        ("exponential of logarithm", (|x| x[0].ln().exp()) as Loss, 0.0),
        ("hyperbolic cosine of its inverse", |x| x[0].acosh().cosh(), 1.0),
        ("inverse of the hyperbolic cosine", |x| x[0].cosh().acosh(), 0.0),
    ] {
        refused(gradient(f, &[x]), name);
        refused(record(&[1.7]).function(f)?.gradient(&[x]), name);
    }
    Ok(())
}

/// Kinks that cancel one another are still named: what is smooth in truth is not known to be.
#[test]
fn kinks_that_cancel_are_told() -> Result<(), Error> {
    let f = record(&[0.5]).function(|x| (x[0].relu_like() + (-x[0]).relu_like()).powi(2))?;
    assert!(f.is_smooth_at(&[0.5])?);
    let told = f.smoothness(&[0.0])?;
    assert_eq!(told.irregular().len(), 2, "{told}");
    assert!(told.to_string().starts_with("a kink of relu at "), "{told}");
    Ok(())
}

fn recomputed(f: Loss) -> impl for<'t> Fn(&[Var<'t>]) -> Var<'t> + Copy + Send + Sync {
    move |x| checkpoint_scalars(x, f)
}

/// A region that is computed again is looked into, from outside and from another region.
#[test]
fn within_checkpoints_too() -> Result<(), Error> {
    for (name, f, x) in FIRST {
        let once = recomputed(f);
        refused(gradient(once, &x), name);
        refused(gradient(|x| checkpoint_scalars(x, |x| checkpoint_scalars(x, f)), &x), name);
        refused(hvp(once, &x, &[1.0, -0.5]), name);
        refused(jvp(once, &x, &[1.0, 0.5]), name);
        refused(record(&[0.7, 0.8]).function(once)?.gradient(&x), name);
    }
    for (name, f, x) in SECOND {
        let once = recomputed(f);
        refused(hvp(once, &x, &[1.0, -0.5]), name);
        refused(hessian(once, &x), name);
    }
    Ok(())
}

#[test]
fn kinks_within_checkpoints_are_told() -> Result<(), Error> {
    let f = record(&[2.0, 1.0]).function(|x| {
        checkpoint_scalars(x, |x| {
            let bent = (x[0].abs() - 1.0).powi(2) + x[1].sqrt();
            if x[1] > 4.0 { bent + x[1] } else { bent }
        })
    })?;
    assert!(f.is_smooth_at(&[2.0, 1.0])?);
    let told = |x: [f64; 2]| Ok::<_, Error>(f.smoothness(&x)?.to_string());
    assert!(told([0.0, 1.0])?.starts_with("a kink of checkpoint at "));
    assert!(told([2.0, 0.0])?.starts_with("a singularity of checkpoint at "));
    assert!(told([2.0, 4.0])?.starts_with("a jump of checkpoint at "));
    assert!(told([2.0, 1.0])? == "smooth");
    Ok(())
}

/// A zero that is the same at all inputs nearby absorbs: no derivative there is indeterminate.
#[test]
fn fixed_zeros_absorb_in_every_mode() -> Result<(), Error> {
    let cases: [(&str, Loss, [f64; 2], [f64; 2]); 7] = [
        ("weight", |x| 0.0 * x[0].sqrt() + x[1], [0.0, 1.0], [0.0, 1.0]),
        ("weight inside", |x| (0.0 * x[0] + x[1]).ln(), [1.0, 0.0], [0.0, f64::INFINITY]),
        ("weight, then nonlinear", |x| (0.0 * x[0].sqrt() + x[1]).exp(), [0.0, 0.0], [0.0, 1.0]),
        ("switched off", |x| (x[0] - 2.0).relu_like().sqrt() + x[1], [1.0, 1.0], [0.0, 1.0]),
        ("the smaller of two", |x| x[0].sqrt().max(x[1]).powi(2), [0.0, 3.0], [0.0, 6.0]),
        ("other direction", |x| x[0].sqrt() + x[1].powi(3), [0.0, 0.0], [f64::INFINITY, 0.0]),
        ("rounded", |x| (x[0].sqrt() * 0.1).round() * x[1] + x[1], [0.0, 1.0], [0.0, 1.0]),
    ];
    for (name, f, x, expected) in cases {
        assert_eq!(gradient(f, &x)?, expected, "{name}");
        let recorded = record(&[0.7, 0.8]).function(f)?;
        assert_eq!(recorded.gradient(&x)?, expected, "{name}, recorded");
        let vector = record(&[0.7, 0.8]).vector(move |x| vec![f(x), x[1]])?;
        assert_eq!(vector.jacobian(&x)?.row(0), expected, "{name}, Jacobian");
        for (i, unit) in [[1.0, 0.0], [0.0, 1.0]].into_iter().enumerate() {
            assert_eq!(jvp(f, &x, &unit)?.1, expected[i], "{name}, direction {i}");
            assert_eq!(vector.linearize(&x)?.jvp(&unit)?[0], expected[i], "{name}, direction {i}");
        }
    }
    let mask = Array::vector(vec![0.0, 1.0]);
    let f =
        record(&[4.0, 4.0]).data(&[&mask]).function(|x, data| (x.sqrt() * data[0]).sum().exp())?;
    assert_eq!(f.gradient(&[0.0, 0.0])?, [0.0, f64::INFINITY]);
    let where_cond = record(&[4.0, 4.0])
        .array()
        .function(|x| x.gt(1.0).where_cond(x.powi(2), x.sqrt()).sum())?;
    assert_eq!(where_cond.gradient(&[2.0, 0.25])?, [4.0, 1.0]);
    Ok(())
}

/// Looking once more does not make a number of a NaN that was there before.
#[test]
fn a_value_that_is_nan_stays_so() -> Result<(), Error> {
    let f = record(&[1.5]).function(|x| x[0].ln().clamp(0.0, 1.0) + x[0].ln().max(-1.0))?;
    assert!(f.value(&[-1.0])?.is_nan());
    let clamped = record(&[1.5]).function(|x| x[0].ln().clamp(0.0, 1.0))?;
    assert!(clamped.value(&[-1.0])?.is_nan());
    assert_eq!(clamped.gradient(&[2.0])?, [0.5]);
    Ok(())
}

#[test]
fn policies_say_what_is_given_instead() -> Result<(), Error> {
    let f = |policy| {
        record(&[0.7, 0.8])
            .indeterminate(policy)
            .function(|x| x[0].powi(3).cbrt() * x[1] + x[1].powi(2))
    };
    let nan = f(IndeterminatePolicy::Nan)?;
    let g = nan.gradient(&[0.0, 3.0])?;
    assert!(g[0].is_nan() && g[1] == 6.0, "{g:?}");
    assert!(nan.linearize(&[0.0, 3.0])?.hvp(&[0.0, 1.0])?[0].is_nan());
    let absorbed = f(IndeterminatePolicy::Absorb)?;
    assert_eq!(absorbed.gradient(&[0.0, 3.0])?, [0.0, 6.0]);
    assert_eq!(absorbed.hessian(&[0.0, 3.0])?.as_slice(), [0.0, 0.0, 0.0, 2.0]);
    assert_eq!(absorbed.linearize(&[0.0, 3.0])?.hvp(&[0.5, 1.0])?, [0.0, 2.0]);
    let absorbing = record(&[1.0]).indeterminate(IndeterminatePolicy::Absorb);
    let kink = absorbing.function(|x| x[0].abs().powi(2))?;
    assert_eq!(kink.hessian(&[0.0])?.as_slice(), [0.0]);
    // Away from the point all say the same.
    assert_eq!(absorbed.gradient(&[2.0, 3.0])?, nan.gradient(&[2.0, 3.0])?);
    Ok(())
}

trait Switch {
    fn relu_like(self) -> Self;
}

impl Switch for Var<'_> {
    fn relu_like(self) -> Self {
        dualtape_autodiff::Scalar::relu(self)
    }
}

#[test]
fn kinks_and_singularities_are_told_with_their_lines() -> Result<(), Error> {
    let f = record(&[1.0, 2.0]).function(|x| {
        let bent = x[0].max(x[1]) + (x[0] - 5.0).abs();
        if x[1] > 4.0 { bent } else { bent + x[1].sqrt() }
    })?;
    let told = |x: [f64; 2]| -> Result<Vec<String>, Error> {
        Ok(f.smoothness(&x)?.irregular().iter().map(|it| it.operation.clone()).collect())
    };
    assert!(f.is_smooth_at(&[1.0, 2.0])?);
    assert_eq!(told([3.0, 3.0])?, ["max"]);
    assert_eq!(told([5.0, 3.0])?, ["abs"]);
    assert_eq!(told([1.0, 0.0])?, ["sqrt"]);
    assert_eq!(told([1.0, 4.0])?, ["a comparison of equal numbers"]);
    assert!(f.smoothness(&[3.0, 3.0])?.irregular()[0].at.is_some());
    // What does not lead to the value, or does not move, says nothing.
    let aside = record(&[1.0]).function(|x| {
        let _unused = x[0].abs();
        x[0].powi(2) + Var::from(0.0).abs()
    })?;
    assert!(aside.is_smooth_at(&[0.0])?);
    let arrays = record(&[1.0, 2.0]).array().function(|x| x.max_axis(0).sum())?;
    assert!(arrays.is_smooth_at(&[1.0, 2.0])? && !arrays.is_smooth_at(&[2.0, 2.0])?);
    Ok(())
}
