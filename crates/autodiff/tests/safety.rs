//! Safe code cannot crash, and nothing that goes wrong is passed over in silence.

use std::mem;
use std::thread;

use dualtape_autodiff::{
    Array, BranchPolicy, Error, Scalar, Tape, Tensor, Var, c, gradient, inspect::Quantity, record,
    scalar_loss,
};

fn wave(n: usize) -> Vec<f64> {
    (0..n).map(|i| (0.7 * i as f64 + 0.2).sin()).collect()
}

fn rosenbrock<S: Scalar>(x: &[S]) -> S {
    let mut total = S::zero();
    for x in x.windows(2) {
        total += c(100.0) * (x[1] - x[0] * x[0]).powi(2) + (c(1.0) - x[0]).powi(2);
    }
    total
}

/// Features are unified over a workspace: one package that asked for wrong rules would have them tested in place of ours.
#[test]
fn what_is_tested_is_what_is_shipped() {
    let faults = cfg!(feature = "planted-faults");
    assert!(
        !faults,
        "tests with planted faults are those of crates/testing/faults; run these without the feature"
    );
}

#[test]
fn leaked_and_disordered_handles() -> Result<(), Error> {
    let x = wave(6);
    let f = record(&x).function(|x| rosenbrock(x))?;
    let expected = f.gradient(&x)?;
    mem::forget(f.linearize(&x)?);
    mem::forget(f.plan_sparse_hessian(&x)?);
    assert_eq!(f.gradient(&x)?, expected);
    let (first, second) = (f.linearize(&x)?, f.linearize(&[0.5; 6])?);
    drop(first);
    let boxed = Box::new(f.linearize(&x)?);
    drop(second);
    assert_eq!(boxed.gradient(), expected);
    let tape = Tape::<f64>::new();
    let handle = tape.input(2.0);
    mem::forget(vec![handle.exp(); 3]);
    let arrays =
        [tape.constant(&Array::vector(wave(4))), Tensor::from_vars(&tape, &[handle, handle])];
    assert_eq!((arrays[1] * 2.0).data(), [4.0, 4.0]);
    Ok(())
}

#[test]
fn functions_move_and_are_shared_between_threads() -> Result<(), Error> {
    let x = wave(40);
    let data = Array::new(&[40, 40], wave(1600))?;
    let scalar = record(&x).function(|x| rosenbrock(x))?;
    let array = record(&x)
        .data(&[&data])
        .function(|x, data| data[0].matmul(x.reshape(&[40, 1])).tanh().powi(2).sum() * x.get(3))?;
    let scalar = thread::spawn(move || scalar).join().expect("no panic");
    for f in [&scalar, &array] {
        let (g, h) = (f.gradient(&x)?, f.sparse_hessian(&x)?);
        thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| -> Result<bool, Error> {
                        let mut same = true;
                        for _ in 0..5 {
                            same &= f.gradient(&x)? == g && f.sparse_hessian(&x)? == h;
                            same &= f.gradient(&wave(41)[1..])? != g;
                        }
                        Ok(same)
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| {
                assert!(thread.join().expect("no panic")?);
                Ok::<(), Error>(())
            })
        })?;
    }
    Ok(())
}

#[test]
fn handles_of_two_tapes_are_refused_with_the_line() {
    let (tape, other) = (Tape::new(), Tape::new());
    let (x, stranger): (Var<'_>, Var<'_>) = (tape.input(1.0), other.input(3.0));
    let line = line!() + 1;
    let product = x.sin() * stranger;
    assert!(product.tape().is_some_and(|tape| !tape.is_empty()));
    let Some(Error::MixedTapes { at }) = tape.error() else { panic!("{:?}", tape.error()) };
    assert_eq!((at.file().ends_with("safety.rs"), at.line()), (true, line));
    // Also of two arrays, and of a scalar with an array.
    let tape = Tape::new();
    let array: Tensor<'_> = tape.constant(&Array::vector(vec![1.0, 2.0]));
    assert!(!(array + other.constant(&Array::vector(vec![1.0, 2.0]))).is_empty());
    assert!(matches!(tape.error(), Some(Error::MixedTapes { .. })));
    let tape = Tape::new();
    let array: Tensor<'_> = tape.constant(&Array::vector(vec![1.0, 2.0]));
    assert!(!(array * stranger).is_empty());
    assert!(matches!(tape.error(), Some(Error::MixedTapes { .. })));
}

/// `min_y (y − x)² + y⁴`, by Newton's method on a tape of its own, within a loss.
#[test]
fn tapes_nest() -> Result<(), Error> {
    let solve = |x: f64| -> Result<f64, Error> {
        let mut y = 0.5;
        for _ in 0..50 {
            let g = gradient(|y| (y[0] - x).powi(2) + y[0].powi(4), &[y])?[0];
            y -= g / (2.0 + 12.0 * y * y);
        }
        Ok(y)
    };
    let loss = scalar_loss(|x| {
        let y = solve(x[0].value()).unwrap_or(f64::NAN);
        (x[0] - y).powi(2) + y.powi(4)
    });
    let f = record(&[1.0]).function(&loss)?;
    // By the envelope theorem the derivative is 2(x − y*), at every point: the value that was read is noticed.
    for x in [1.0, 2.0, -0.5] {
        let expected = 2.0 * (x - solve(x)?);
        assert!((f.gradient(&[x])?[0] - expected).abs() < 1e-14);
    }
    let refusing = record(&[1.0]).branches(BranchPolicy::Refuse).function(&loss)?;
    assert!(matches!(refusing.gradient(&[7.0]), Err(Error::ValueEscaped { .. })));
    Ok(())
}

#[test]
fn the_first_value_that_is_not_finite_is_found_with_its_line() -> Result<(), Error> {
    let line = line!() + 2;
    let f = record(&[1.0, 2.0]).function(|x| {
        let root = (x[0] - 1.0).sqrt();
        (root * 0.5 + x[1]).ln() * 3.0
    })?;
    let found = |result: Result<(), Error>| match result {
        Err(Error::NotFinite { quantity, operation, operands, value, at }) => {
            let at = at.map(|at| (at.file().ends_with("safety.rs"), at.line()));
            (quantity, operation, operands, value, at)
        }
        other => panic!("{other:?}"),
    };
    let (quantity, operation, operands, value, at) = found(f.check_finite(&[0.0, 2.0]));
    assert_eq!((quantity, operation.as_str(), operands), ("the value", "sqrt", vec![-1.0]));
    assert!(value.is_nan());
    assert_eq!(at, Some((true, line)));
    let (quantity, _, _, value, at) = found(f.check_finite(&[1.0, 2.0]));
    assert_eq!((quantity, value, at), ("the gradient", f64::INFINITY, Some((true, line))));
    let (quantity, operation, operands, value, at) = found(f.check_finite(&[2.0, -0.5]));
    assert_eq!((quantity, operation.as_str()), ("the value", "ln"));
    assert_eq!((operands, value), (vec![0.0], f64::NEG_INFINITY));
    assert_eq!(at, Some((true, line + 1)));
    assert_eq!(f.check_finite_along(&[2.0, 1.0], &[1.0, 1.0]), Ok(()));

    let line = line!() + 3;
    let array = record(&[1.0, 2.0, 3.0]).array().function(|x| {
        let halves = x * 0.5;
        halves.powf(2.5).ln().sum()
    })?;
    let (quantity, operation, operands, _, at) = found(array.check_finite(&[1.0, -2.0, 3.0]));
    assert_eq!((quantity, operation.as_str(), operands), ("the value", "power 2.5", vec![1.5]));
    assert_eq!(at, Some((true, line)));
    let kink = record(&[1.0, 2.0]).array().function(|x| x.powf(1.5).sum())?;
    assert_eq!(kink.check_finite(&[0.0, 1.0]), Ok(()));
    let (quantity, ..) = found(kink.check_finite_along(&[0.0, 1.0], &[1.0, 0.0]));
    assert_eq!(quantity, "the Hessian-vector product");
    Ok(())
}

#[test]
fn inputs_without_effect_are_named() -> Result<(), Error> {
    let f = record(&[1.0; 6]).array().function(|x| {
        x.view(0, &[2]).exp().sum() + (x.get(3) * x.get(4)) + x.view(5, &[1]).stop_gradient().sum()
    })?;
    assert_eq!(f.unused_inputs(&[1.0; 6])?, [2, 5]);
    let names = [("first", 0..2), ("second", 2..6)];
    let refused = f.require_all_inputs(&[1.0; 6], &names);
    assert_eq!(refused, Err(Error::UnusedInput { index: 2, name: Some("second".into()) }));
    let used = record(&[1.0; 4]).function(|x| rosenbrock(x))?;
    assert_eq!(used.require_all_inputs(&[1.0; 4], &[]), Ok(()));
    Ok(())
}

#[test]
fn programs_print_with_shapes_and_lines() -> Result<(), Error> {
    let f = record(&[1.0; 4])
        .array()
        .function(|x| x.reshape(&[2, 2]).matmul(x.reshape(&[2, 2]).t()).sum())?;
    let text = f.inspect(Quantity::Value, &[1.0; 4])?.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("%0  [4]     input 0"), "{text}");
    assert!(lines.iter().any(|x| x.contains("matmul _ _ᵀ %1 %1") && x.contains("safety.rs:")));
    assert!(text.ends_with(&format!("return %{}", lines.len() - 2)), "{text}");
    for quantity in [Quantity::Gradient, Quantity::HessianProduct] {
        assert!(f.inspect(quantity, &[1.0; 4])?.to_string().lines().count() > lines.len());
    }
    Ok(())
}
