//! Every error that user code can cause names its line, never one of this crate or of the standard library.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dualtape_autodiff::{
    Array, Error, Recorder, Scalar, Tape, Tensor, Var, checkpoint, checkpoint_scalars,
    custom::{Adjoint, Elementwise, Fault, NumericAdjoint, Operation, View},
    gradient, hessian, jacobian, record, scalar_loss,
    tree::gradient_of,
    windows::{Convolution, Pooling},
};

/// A call that is refused, of a matrix `x` of two rows and three columns and of a like one on another tape.
struct Case {
    names: &'static [&'static str],
    line: u32,
    call: for<'t> fn(Tensor<'t>, Tensor<'t>),
}

/// `case!("t", |x, other| x.permute(&[0]))` starts on the line of the call.
macro_rules! case {
    ($($name:literal)|+, |$x:ident, $other:ident| $call:expr) => {
        Case { names: &[$($name),+], line: line!(), call: |$x, $other| { let _ = (&$x, &$other, $call); } }
    };
}

/// A function of two numbers, and of as many operands.
struct Difference;

impl Elementwise<2> for Difference {
    const NAME: &'static str = "difference";

    fn eval<S: Scalar>(&self, [x, y]: [S; 2]) -> S {
        x - y
    }
}

/// An operation on vectors alone.
struct Doubled;

impl Operation for Doubled {
    fn name(&self) -> &'static str {
        "doubled"
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String> {
        match x {
            [[n]] => Ok(vec![*n]),
            _ => Err("a vector".into()),
        }
    }

    fn forward(&self, x: &[View<'_, f64>], y: &mut [f64]) -> Result<(), Fault> {
        y.iter_mut().zip(x[0].data).for_each(|(y, &x)| *y = 2.0 * x);
        Ok(())
    }
}

impl Adjoint for Doubled {
    fn adjoint<'t>(
        &self,
        _: &[Tensor<'t>],
        _: Tensor<'t>,
        y_bar: Tensor<'t>,
    ) -> Vec<Option<Tensor<'t>>> {
        vec![Some(y_bar * 2.0)]
    }
}

impl NumericAdjoint for Doubled {
    fn adjoint(
        &self,
        _: &[View<'_, f64>],
        _: View<'_, f64>,
        y_bar: View<'_, f64>,
        x_bar: &mut [&mut [f64]],
    ) {
        x_bar[0].iter_mut().zip(y_bar.data).for_each(|(x, &y)| *x = 2.0 * y);
    }
}

fn arrays() -> Vec<Case> {
    vec![
        case!("from_vars", |x, other| Tensor::from_vars(x.tape(), &[other.get(0)])),
        case!("get", |x, _o| x.get(9)),
        case!("to_var", |x, _o| x.to_var()),
        case!("matmul", |x, _o| x.matmul(x)),
        case!("matmul", |x, _o| x.matmul(x.view(0, &[2]))),
        case!("t", |x, _o| x.view(0, &[2]).t()),
        case!("permute", |x, _o| x.permute(&[0, 0])),
        case!("reshape", |x, _o| x.reshape(&[4])),
        case!("view", |x, _o| x.view(4, &[4])),
        case!("broadcast", |x, _o| x.broadcast(&[4])),
        case!("sum_to", |x, _o| x.sum_to(&[4])),
        case!("sum_axis", |x, _o| x.sum_axis(9)),
        case!("mean_axis", |x, _o| x.mean_axis(9)),
        case!("max_axis", |x, _o| x.max_axis(9)),
        case!("min_axis", |x, _o| x.min_axis(9)),
        case!("log_sum_exp", |x, _o| x.log_sum_exp(9)),
        case!("log_softmax", |x, _o| x.log_softmax(9)),
        case!("softmax", |x, _o| x.softmax(9)),
        case!("dot", |x, _o| x.dot(x.t())),
        case!("sum_axes", |x, _o| x.sum_axes(&[9])),
        case!("mean_axes", |x, _o| x.mean_axes(&[9])),
        case!("max_axes", |x, _o| x.max_axes(&[9])),
        case!("min_axes", |x, _o| x.min_axes(&[9])),
        case!("log_sum_exp_axes", |x, _o| x.log_sum_exp_axes(&[9])),
        case!("prod_axes", |x, _o| x.prod_axes(&[9])),
        case!("var_axes", |x, _o| x.var_axes(&[9], 0.0)),
        case!("std_axes", |x, _o| x.std_axes(&[9], 0.0)),
        case!("norm_axes", |x, _o| x.norm_axes(&[9])),
        case!("norm_l1_axes", |x, _o| x.norm_l1_axes(&[9])),
        case!("norm_max_axes", |x, _o| x.norm_max_axes(&[9])),
        case!("cumprod", |x, _o| x.cumprod(9)),
        case!("cumsum", |x, _o| x.cumsum(9)),
        case!("keep_axes", |x, _o| x.keep_axes(&[4, 2])),
        case!("keep_axes", |x, _o| x.keep_axes(&[1, 1])),
        case!("trace", |x, _o| x.trace()),
        case!("normalize_axes", |x, _o| x.normalize_axes(&[9], 0.1)),
        case!("masked_fill", |x, other| x.masked_fill(other, 0.0)),
        case!("rows_that_see", |x, _o| x.rows_that_see(x)),
        case!("attention", |x, other| x.attention(other, other, None)),
        case!("attention", |x, _o| x.attention(x.view(0, &[2]), x, None)),
        case!("outer", |x, _o| x.outer(x)),
        case!("einsum", |x, _o| Tensor::einsum("ij,ij->k", &[x, x])),
        case!("einsum", |x, other| Tensor::einsum("ij,ik->jk", &[x, other])),
        case!("conv", |x, _o| x.conv(x, Convolution::<1>::default())),
        case!("conv_transpose", |x, _o| x.conv_transpose(x, Convolution::<1>::default(), [0])),
        case!("max_pool", |x, _o| x.max_pool(Pooling::new([2]))),
        case!("avg_pool", |x, _o| x.avg_pool(Pooling::new([2]))),
        case!("adaptive_avg_pool", |x, _o| x.adaptive_avg_pool([2])),
        case!("adaptive_max_pool", |x, _o| x.adaptive_max_pool([2])),
        case!("index_select", |x, _o| x.index_select(9, &[0])),
        case!("index_select", |x, _o| x.index_select(0, &[7])),
        case!("take", |x, other| x.take(0, other)),
        case!("embedding", |x, _o| x.embedding(x * 9.0)),
        case!("gather", |x, _o| x.gather(1, x.t())),
        case!("scatter_add", |x, _o| x.scatter_add(1, x.t(), 4)),
        case!("argmax", |x, _o| x.argmax(9)),
        case!("argmin", |x, _o| x.argmin(9)),
        case!("where_cond", |x, _o| x.where_cond(x.t(), 0.0)),
        case!("where_cond", |x, other| x.where_cond(other, 0.0)),
        case!("lt", |x, _o| x.lt(x.t())),
        case!("le", |x, _o| x.le(x.t())),
        case!("gt", |x, _o| x.gt(x.t())),
        case!("ge", |x, _o| x.ge(x.t())),
        case!("eq", |x, _o| x.eq(x.t())),
        case!("ne", |x, other| x.ne(other)),
        case!("swap_axes", |x, _o| x.swap_axes(0, 9)),
        case!("concat", |x, _o| Tensor::concat(&[x, x.t()], 0)),
        case!("concat", |x, other| Tensor::concat(&[x, other], 0)),
        case!("stack", |x, _o| Tensor::stack(&[x, x.t()], 0)),
        case!("stack", |x, other| Tensor::stack(&[x, other], 0)),
        case!("split", |x, _o| x.split(0, &[1, 2])),
        case!("chunk", |x, _o| x.chunk(9, 2)),
        case!("pad", |x, _o| x.pad(9, 1, 1)),
        case!("pad_reflect", |x, _o| x.pad_reflect(0, 7, 7)),
        case!("pad_replicate", |x, _o| x.pad_replicate(9, 1, 1)),
        case!("roll", |x, _o| x.roll(9, 1)),
        case!("tile", |x, _o| x.tile(&[1])),
        case!("repeat", |x, _o| x.repeat(9, 2)),
        case!("reshape_infer", |x, _o| x.reshape_infer(&[4, -1])),
        case!("squeeze", |x, _o| x.squeeze(0)),
        case!("slice", |x, _o| x.slice(0, 0..9)),
        case!("slice_step", |x, _o| x.slice_step(0, 0..2, 0)),
        case!("select", |x, _o| x.select(0, 9)),
        case!("flip", |x, _o| x.flip(9)),
        case!("diagonal", |x, _o| x.diagonal(0, 1, 1)),
        case!("diag", |x, _o| x.keep_axis(0).diag(0)),
        case!("triu", |x, _o| x.view(0, &[2]).triu(0)),
        case!("tril", |x, _o| x.view(0, &[2]).tril(0)),
        case!("jvp", |x, _o| x.exp().jvp(x, x.t())),
        case!("vjp", |x, _o| x.exp().vjp(x.t(), x)),
        case!("elementwise", |x, other| Tensor::elementwise(Difference, [x, other])),
        case!("custom", |x, _o| Tensor::custom(Doubled, &[x])),
        case!("custom_numeric", |x, _o| Tensor::custom_numeric(Doubled, &[x])),
        case!("maximum", |x, _o| x.maximum(x.t())),
        case!("max", |x, other| x.max(other)),
        case!("min", |x, other| x.min(other.get(0))),
        case!("pow" | "hypot", |x, _o| x.pow(x.t())),
        case!("+", |x, other| x + other),
        case!("*", |x, other| x * other.get(0)),
        case!("/", |x, other| x.get(0) / other),
    ]
}

#[cfg(feature = "linear-algebra")]
fn matrices() -> Vec<Case> {
    use dualtape_autodiff::implicit;

    fn indefinite(x: Tensor<'_>) -> Tensor<'_> {
        x.slice(1, 0..2).t().matmul(x.slice(1, 0..2)) - 99.0
    }
    fn singular(x: Tensor<'_>) -> Tensor<'_> {
        x.matmul(x.t()) * 0.0
    }
    fn unknown(x: Tensor<'_>) -> Tensor<'_> {
        x.slice(1, 0..2) / 0.0
    }
    vec![
        case!("cholesky", |x, _o| x.cholesky()),
        case!("cholesky", |x, _o| indefinite(x).cholesky()),
        case!("solve_lower", |x, _o| singular(x).solve_lower(x)),
        case!("solve_lower_transposed", |x, _o| singular(x).solve_lower_transposed(x)),
        case!("solve_upper", |x, _o| singular(x).solve_upper(x)),
        case!("solve_upper_transposed", |x, _o| singular(x).solve_upper_transposed(x)),
        case!("solve_cholesky", |x, _o| singular(x).solve_cholesky(x)),
        case!("log_det_cholesky", |x, _o| x.view(0, &[2]).log_det_cholesky()),
        case!("solve", |x, _o| singular(x).solve(x)),
        case!("solve", |x, _o| singular(x).solve(x.view(0, &[2]))),
        case!("solve_transposed", |x, _o| singular(x).solve_transposed(x)),
        case!("inverse", |x, _o| singular(x).inverse()),
        case!("log_abs_det", |x, _o| singular(x).log_abs_det()),
        case!("sign_and_log_abs_det", |x, _o| singular(x).sign_and_log_abs_det()),
        case!("eigenvalues_symmetric", |x, _o| unknown(x).eigenvalues_symmetric()),
        case!("eigh", |x, _o| unknown(x).eigh()),
        case!("implicit_root", |x, _o| implicit::root(x, &[1.0], |_, _| {}, |x, _| x * x)),
        case!("implicit_optimum", |x, _o| implicit::optimum(x, &[1.0], |_, _| {}, |x, _| x.sum())),
        case!("implicit_minimum", |x, _o| implicit::minimum(
            &[x],
            &[1.0],
            |x, _| x.sum(),
            |_, _| {}
        )),
    ]
}

fn scalars() -> Vec<Case> {
    vec![
        case!("to_tensor", |x, other| other.get(0).to_tensor(x.tape())),
        case!("derivative", |x, other| x.get(0).derivative(other.get(0))),
        case!("gradient", |x, other| x.get(0).gradient(&[other.get(0)])),
        case!("gradient_of", |x, other| x.get(0).gradient_of(other)),
        case!("jvp", |x, other| x.get(0).jvp(&[other.get(0)], &[x.get(0)])),
        case!("scalar +", |x, other| x.get(0) + other.get(0)),
        case!("scalar -", |x, other| x.get(0) - other.get(0)),
        case!("scalar *", |x, other| x.get(0) * other.get(0)),
        case!("scalar /", |x, other| x.get(0) / other.get(0)),
        case!("scalar %", |x, other| x.get(0) % other.get(0)),
        case!("scalar max", |x, other| x.get(0).max(other.get(0))),
        case!("scalar powf", |x, other| x.get(0).powf(other.get(0))),
        case!("scalar xlogy", |x, other| x.get(0).xlogy(other.get(0))),
        case!("scalar mul_add", |x, other| x.get(0).mul_add(2.0, other.get(0))),
        case!("scalar clamp", |x, other| x.get(0).clamp(0.0, other.get(0))),
        case!("scalar log", |x, other| x.get(0).log(other.get(0))),
        case!("scalar <", |x, other| x.get(0) < other.get(0)),
        case!("scalar ==", |x, other| x.get(0) == other.get(0)),
        case!("sum_of", |x, other| Var::sum_of([x.get(0), other.get(0)].into_iter())),
        case!("sum_of_products", |x, other| {
            Var::sum_of_products([(x.get(0), other.get(0))].into_iter())
        }),
        case!("log_sum_exp_of", |x, other| Var::log_sum_exp_of(
            [x.get(0), other.get(0)].into_iter()
        )),
        case!("checkpoint", |x, other| checkpoint(&[x, other], |x| x[0] * x[1])),
        case!("checkpoint", |x, _o| checkpoint(&[x], |x| x[0].matmul(x[0]))),
        case!("checkpoint_scalars", |x, other| {
            checkpoint_scalars(&[x.get(0), other.get(0)], |x| x[0] * x[1])
        }),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = arrays();
    #[cfg(feature = "linear-algebra")]
    cases.extend(matrices());
    cases.extend(scalars());
    cases
}

#[test]
fn every_refused_call_names_its_line() {
    let matrix = Array::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.5]).expect("six");
    let mut wrong = Vec::new();
    for Case { names, line, call } in cases() {
        let (tape, other) = (Tape::new(), Tape::new());
        call(tape.input_array(&matrix), other.constant(&matrix));
        // Of handles on two tapes the one that records has the error.
        let error = tape.error().or_else(|| other.error());
        let message = error.map_or("nothing is refused".into(), |error| error.to_string());
        // A long call starts on the next line.
        let named = |line: u32| message.starts_with(&format!("{}:{line}:", file!()));
        if !(line..line + 2).any(named) {
            wrong.push(format!("{names:?} on line {line}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Methods that refuse nothing by themselves.
const NEVER: &[&str] = &[
    "new",
    "len",
    "is_empty",
    "input",
    "input_array",
    "constant",
    "error",
    "refuse",
    "scalar",
    "shape",
    "rank",
    "tape",
    "data",
    "keep_axis",
    "sum",
    "mean",
    "stop_gradient",
    "powi",
    "powf",
    "clamp",
    "polygamma",
    "bessel_j",
    "silu",
    "gelu",
    "gelu_tanh",
    "elu",
    "selu",
    "leaky_relu",
    "mish",
    "is_finite",
    "sound_rows",
    "unless_marked",
    "keep_axes",
    "prod",
    "from_value",
    "value",
    "constant_array",
    "scalars",
    "name",
];

/// So that a new method is not forgotten here.
#[test]
fn every_public_method_of_recorded_values_is_among_the_cases() -> std::io::Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders = [fs::read_dir(source.join("tape"))?, fs::read_dir(source.join("tensor"))?];
    let mut files: Vec<_> = folders.into_iter().flatten().collect::<Result<_, _>>()?;
    files.retain(|file| file.path().extension().is_some_and(|extension| extension == "rs"));
    let others = [
        "transform/within.rs",
        "transform/own/elementwise.rs",
        "transform/own/custom.rs",
        "function/implicit.rs",
    ];
    let paths = files.iter().map(|file| file.path()).chain(others.map(|file| source.join(file)));
    let known: BTreeSet<&str> =
        cases().iter().flat_map(|case| case.names).chain(NEVER).copied().collect();
    for path in paths {
        for line in fs::read_to_string(&path)?.lines() {
            let Some((_, rest)) = line.split_once("pub fn ") else { continue };
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            let matrices = cfg!(feature = "linear-algebra") || !path.ends_with("implicit.rs");
            assert!(
                name.starts_with('$') || !matrices || known.contains(name),
                "no case refuses {name} of {}",
                path.display()
            );
        }
    }
    Ok(())
}

/// A handle of another tape, which outlives every recording here.
fn stranger() -> Var<'static> {
    Box::leak(Box::new(Tape::new())).input(1.0)
}

/// Where the standard library stands between the operation and the user, the line that asked for the recording is named.
#[test]
fn sums_and_results_name_the_line_of_the_recording() {
    let at = |error: Error| error.to_string();
    let sum = scalar_loss(|x| [x[0], stranger()].into_iter().sum());
    let product = scalar_loss(|x| [x[0], stranger()].iter().product());
    let foreign = scalar_loss(|_| stranger());
    let recorded = |line: u32, error: String| {
        assert!(error.starts_with(&format!("{}:{line}:", file!())), "line {line}: {error}");
    };
    let (x, data) = ([1.0], Array::vector(vec![1.0]));
    recorded(line!(), at(gradient(sum, &x).unwrap_err()));
    recorded(line!(), at(gradient(foreign, &x).unwrap_err()));
    recorded(line!(), at(hessian(product, &x).unwrap_err()));
    recorded(line!(), at(jacobian(|_| vec![stranger()], &x).unwrap_err()));
    recorded(line!(), at(gradient_of(|_, _| stranger(), &1.0).unwrap_err()));
    recorded(line!(), at(Recorder::new().gradient(sum, &x).unwrap_err()));
    recorded(line!(), at(record(&x).function(foreign).unwrap_err()));
    recorded(line!(), at(record(&x).array().function(|_| stranger()).unwrap_err()));
    recorded(line!(), at(record(&x).vector(|_| vec![stranger()]).unwrap_err()));
    recorded(line!(), at(record(&x).composite(|x| x.to_vec(), |_| stranger()).unwrap_err()));
    recorded(line!(), at(record(&x).composite(|_| vec![stranger()], |z| z[0]).unwrap_err()));
    recorded(line!(), at(record(&x).data(&[&data]).per_example(|_, _| stranger()).unwrap_err()));
}

/// A derivative that does not exist belongs to the operation whose derivative it is.
#[cfg(feature = "linear-algebra")]
#[test]
fn derivatives_name_the_line_of_their_operation() -> Result<(), Error> {
    let at = [2.0, 0.0, 0.0, 2.0];
    let line = line!() + 2;
    let f = record(&at).array().function(|a| {
        let vectors = a.reshape(&[2, 2]).eigh().1;
        vectors.get(1)
    })?;
    for error in [f.gradient(&at).unwrap_err(), f.hessian(&at).unwrap_err()] {
        assert!(error.to_string().starts_with(&format!("{}:{line}:", file!())), "{error}");
    }
    Ok(())
}
