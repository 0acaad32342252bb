//! Wrong rules, planted one at a time in dualtape itself: each is caught, and the report names the law that it breaks.

use dualtape_autodiff::planted::{Fault, Instruction, Site, Wrong};
use dualtape_autodiff::{
    Array, Elementary, Error, Scalar, Var, gradient,
    numbers::{Binary, Unary},
    record,
};
use dualtape_testing::strategies::{positive, reals};
use dualtape_testing::{
    Check, Law, Subject, check, check_derivatives, recorded_function, tensor_loss, tensors,
};

use Binary::{Atan2, Div, Exceeds, Hypot, Mul, Pow, Sub};
use Instruction::{Dot, MulAdd, PowerInt, PowerReal, Sum};
use Law::{FirstOrder, ForwardIsReverse, NoSilentZero, Replay, SecondOrder};
use Unary::{
    Abs, Atan, Cos, Cosh, Exp, Ln, LogSigmoid, Recip, Sech2, Sigmoid, Sign, Sin, Softplus, Sqrt,
    Tan, Tanh,
};
use Wrong::{Averaged, Factor, Missing, Offset, Transposed};

/// A fault holds for one call.
#[test]
fn a_fault_is_there_and_gone_again() -> Result<(), Error> {
    let slope = || gradient(|x| x[0].exp(), &[0.0]);
    let fault = Fault { site: Site::Unary(Exp), wrong: Wrong::Sign };
    assert_eq!(fault.during(slope)?, [-1.0]);
    assert_eq!(slope()?, [1.0]);
    Ok(())
}

/// Each of these faults, in place while the check of `subject` runs, must break its law.
fn caught<T: Subject>(subject: impl Fn() -> Check<T>, faults: &[(Site, Wrong, Law)]) {
    if let Err(failure) = subject().cases(8).check() {
        panic!("without a fault: {failure}");
    }
    for &(site, wrong, law) in faults {
        let fault = Fault { site, wrong };
        match fault.during(|| subject().check()) {
            Ok(summary) => panic!("{fault:?} is not noticed: {summary}"),
            Err(failure) => assert_eq!(failure.law(), Some(law), "{fault:?}: {failure}"),
        }
    }
}

/// A function of two scalars in which `f` counts.
fn of_unary(f: Unary) -> Check<impl Subject> {
    check_derivatives(move |x| x[0].map(f) * x[1] + x[1].map(f).sin()).at(positive(2))
}

fn of_binary(f: Binary) -> Check<impl Subject> {
    check_derivatives(move |x| x[0].zip(f, x[1]).sin() * x[1]).at(positive(2))
}

#[test]
fn wrong_slopes_of_elementary_functions() {
    let faults = [
        (Exp, Wrong::Sign),
        (Exp, Factor(1.01)),
        (Sin, Wrong::Sign),
        (Sin, Missing),
        (Ln, Offset(0.1)),
        (Sqrt, Factor(2.0)),
        (Tanh, Offset(-0.01)),
        (Atan, Factor(0.5)),
        (Tan, Missing),
        (Sigmoid, Factor(4.0)),
        (Softplus, Wrong::Sign),
        (LogSigmoid, Offset(1.0)),
        (Recip, Wrong::Sign),
        (Abs, Missing),
    ];
    for (f, wrong) in faults {
        let law = if let Missing = wrong { NoSilentZero } else { FirstOrder };
        caught(|| of_unary(f), &[(Site::Unary(f), wrong, law)]);
    }
}

/// The first derivative is a value of another function of the table; that one's derivative is wrong.
#[test]
fn wrong_second_derivatives_of_elementary_functions() {
    for (f, slope, wrong) in [
        (Sin, Cos, Wrong::Sign),
        (Cosh, Unary::Sinh, Missing),
        (Tanh, Sech2, Wrong::Sign),
        (Ln, Recip, Factor(0.5)),
        // The curvature of a kink.
        (Abs, Sign, Offset(0.3)),
    ] {
        let subject = || check_derivatives(move |x| x[0].map(f) * x[1]).at(positive(2));
        let law = if let Missing = wrong { NoSilentZero } else { SecondOrder };
        caught(subject, &[(Site::Unary(slope), wrong, law)]);
    }
    let relu = || check_derivatives(|x| x[0].max(x[1]) * x[1]).at(reals(2));
    caught(relu, &[(Site::Binary(Exceeds, 0), Offset(0.2), SecondOrder)]);
}

#[test]
fn wrong_partial_derivatives() {
    for (f, operand, wrong) in [
        (Sub, 1, Wrong::Sign),
        (Div, 1, Missing),
        (Div, 0, Factor(2.0)),
        (Pow, 1, Missing),
        (Pow, 0, Wrong::Sign),
        (Atan2, 1, Wrong::Sign),
        (Hypot, 0, Factor(1.5)),
    ] {
        caught(|| of_binary(f), &[(Site::Binary(f, operand), wrong, FirstOrder)]);
    }
    // A term of the product rule.
    caught(|| of_unary(Exp), &[(Site::Binary(Mul, 1), Missing, Law::Adjoint)]);
}

#[test]
fn wrong_rules_of_sums_products_and_powers() {
    let many = || {
        check_derivatives(|x| {
            let dot = Scalar::sum_of_products(x.iter().zip(&x[1..]).map(|(&a, &b)| (a, b.exp())));
            x[0].mul_add(x[1], x[2]).sin()
                + dot
                + x.iter().sum::<Var<'_>>().cos()
                + x[0].powi(3)
                + x[1].power_real(1.5)
        })
        .at(positive(3))
    };
    let faults = [
        (PowerInt, 0, Factor(2.0)),
        (PowerReal, 0, Missing),
        (Sum, 1, Missing),
        (Dot, 1, Missing),
        (Dot, 2, Wrong::Sign),
        (MulAdd, 2, Missing),
    ];
    let faults = faults.map(|(instruction, operand, wrong)| {
        (Site::Scalar(instruction, operand), wrong, ForwardIsReverse)
    });
    caught(many, &faults);
}

/// The forward kernels of arrays are their own rules, so a wrong adjoint is another derivative than forward mode's.
fn caught_adjoints<T: Subject>(
    subject: impl Fn() -> Check<T>,
    faults: &[(&'static str, usize, Wrong)],
) {
    let faults = faults.iter().map(|&(operation, operand, wrong)| {
        (Site::Adjoint(operation, operand), wrong, ForwardIsReverse)
    });
    caught(|| subject().cases(16), &faults.collect::<Vec<_>>());
}

#[test]
fn wrong_adjoints_of_array_operations() {
    let square = || check(tensors(&[&[2, 2], &[2, 2]], |x| x[0].matmul(x[1]).tanh()));
    caught_adjoints(
        square,
        &[("matmul", 0, Transposed), ("matmul", 1, Missing), ("matmul", 1, Wrong::Sign)],
    );
    // A sum that broadcasting asks for.
    let bias = || check(tensors(&[&[4, 3], &[3]], |x| (x[0] * x[1]).sin()));
    caught_adjoints(bias, &[("elementwise operation", 1, Averaged)]);
    let stretched = || check(tensors(&[&[3]], |x| x[0].broadcast(&[4, 3]).powi(2).cumsum(0)));
    caught_adjoints(stretched, &[("broadcast", 0, Averaged), ("cumsum", 0, Factor(2.0))]);
    let reduced = || check(tensors(&[&[4, 3]], |x| x[0].exp().sum_axis(0).ln()));
    caught_adjoints(reduced, &[("sum", 0, Factor(3.0))]);
    let stable = || check(tensors(&[&[3, 2]], |x| x[0].log_sum_exp(1) + x[0].max_axis(1)));
    caught_adjoints(stable, &[("log_sum_exp", 0, Wrong::Sign), ("max", 0, Missing)]);
    let moved = || {
        check(tensors(&[&[3, 3]], |x| {
            let parts = x[0].permute(&[1, 0]).view(2, &[2, 3]).slice_step(1, 0..3, 2);
            parts.index_select(1, &[1, 0, 1]).powi(2)
        }))
    };
    caught_adjoints(
        moved,
        &[
            ("permute", 0, Transposed),
            ("view", 0, Factor(2.0)),
            ("strided", 0, Missing),
            ("gather", 0, Factor(0.5)),
        ],
    );
    let chosen = || check(tensors(&[&[4], &[4]], |x| x[0].gt(x[1]).where_cond(x[0].exp(), x[1])));
    caught_adjoints(chosen, &[("select", 1, Missing)]);
    let definite = || {
        check(tensors(&[&[2, 2], &[2, 1]], |x| {
            let a = x[0].matmul(x[0].t());
            (a + a.constant(&scaled_identity(2.0))).cholesky().matmul(x[1])
        }))
    };
    caught_adjoints(definite, &[("cholesky", 0, Factor(2.0))]);
    let scaled = || {
        check(tensors(&[&[2, 2], &[2, 2]], |x| {
            (x[0] + x[0].constant(&scaled_identity(9.0))).solve(x[1])
        }))
    };
    caught_adjoints(scaled, &[("solve", 0, Wrong::Sign)]);
}

fn scaled_identity(scale: f64) -> Array<f64> {
    Array::new(&[2, 2], vec![scale, 0.0, 0.0, scale]).expect("four elements")
}

/// Recorded tangents are what a linearised Jacobian is made of.
#[test]
fn wrong_tangents_of_array_operations() {
    let network = || {
        check(tensor_loss(&[&[3, 2], &[2, 3]], |x| {
            (x[0].matmul(x[1]).tanh().log_sum_exp(1) * x[1].sum_axis(0)).sum()
        }))
        .cases(16)
    };
    let faults = [
        ("matmul", Wrong::Sign, Law::Adjoint),
        ("map", Factor(2.0), Law::Adjoint),
        ("elementwise operation", Missing, Law::Adjoint),
        ("sum", Wrong::Sign, Law::Adjoint),
        // The gradient alone has it.
        ("broadcast", Factor(0.5), Law::SecondOrderModes),
    ];
    caught(network, &faults.map(|(operation, wrong, law)| (Site::Tangent(operation), wrong, law)));
}

/// A replay that does not look at its comparisons answers from a branch that is no longer taken.
#[test]
fn stale_branches() {
    let bent =
        || check_derivatives(|x| if x[0] > x[1] { x[0].exp() } else { x[1].powi(2) }).at(reals(2));
    caught(bent, &[(Site::Guards, Missing, Replay)]);
}

/// A gradient that was recorded wrongly stays wrong.
#[test]
fn faults_within_what_is_recorded() {
    let fault = Fault { site: Site::Unary(Sin), wrong: Wrong::Sign };
    let f = fault
        .during(|| {
            let f = record(&[0.3, 0.4]).function(|x| x[0].sin() * x[1])?;
            f.gradient(&[0.3, 0.4])?;
            Ok::<_, Error>(f)
        })
        .expect("recorded");
    let failure = check(recorded_function(&f)).check().expect_err("its adjoint has the fault");
    assert_eq!(failure.law(), Some(ForwardIsReverse), "{failure}");
}
