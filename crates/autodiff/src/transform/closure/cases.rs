//! A loss for every kind of instruction, and for every function of one and of two numbers.

use super::X;
use crate::array::{Array, View};
use crate::error::Fault;
use crate::function::checkpoint;
use crate::number::{Binary, Elementary, Real, Scalar, Unary};
use crate::tape::{Tensor, Var};
use crate::transform::own::{Adjoint, Elementwise, Operation};

type OfArray = for<'t> fn(Tensor<'t>) -> Tensor<'t>;
pub(crate) type Loss = Box<dyn for<'t> Fn(&[Var<'t>]) -> Var<'t>>;

pub(crate) fn stacked<'t>(x: &[Var<'t>]) -> Tensor<'t> {
    Tensor::from_vars(x[0].tape().expect("an input"), x)
}

/// A point of the domain of `f` for each component of `x`.
fn in_domain<T: Elementary>(f: Unary, x: T) -> T {
    match f {
        Unary::Acosh => x + x.lift(1.0),
        _ => x,
    }
}

/// `Σ wᵢ tᵢ²`: a different, curved weight for each element.
pub(crate) fn weighted<'t>(t: Tensor<'t>) -> Var<'t> {
    let weights: Vec<f64> = (0..t.len()).map(|i| 0.4 + (1.3 * i as f64).sin()).collect();
    let weights = Array::new(t.shape(), weights).expect("its own shape");
    (t * t * t.constant(&weights)).sum()
}

/// `x²·sin y`, or `y·eˣ` where x is small: both branches are met.
struct Bent;

impl Elementwise<2> for Bent {
    const NAME: &'static str = "bent";

    fn eval<S: Scalar>(&self, [x, y]: [S; 2]) -> S {
        if x > S::constant(0.4) { x * x * y.sin() } else { y * x.exp() }
    }
}

/// `s·x²`, by a rule written by hand.
struct ScaledSquare;

impl<R: Real> Operation<R> for ScaledSquare {
    fn name(&self) -> &'static str {
        "scaled square"
    }

    fn shape(&self, x: &[&[usize]]) -> Result<Vec<usize>, String> {
        match x {
            [x, []] => Ok(x.to_vec()),
            _ => Err("an array and a scalar".into()),
        }
    }

    fn forward(&self, x: &[View<'_, R>], y: &mut [R]) -> Result<(), Fault> {
        y.iter_mut().zip(x[0].data).for_each(|(y, &v)| *y = x[1].data[0] * v * v);
        Ok(())
    }
}

impl<R: Real> Adjoint<R> for ScaledSquare {
    fn adjoint<'t>(
        &self,
        x: &[Tensor<'t, R>],
        _y: Tensor<'t, R>,
        y_bar: Tensor<'t, R>,
    ) -> Vec<Option<Tensor<'t, R>>> {
        let two = R::constant(2.0);
        let s_bar = (y_bar * x[0] * x[0]).sum().to_tensor(y_bar.tape());
        vec![Some(y_bar * x[0] * x[1] * two), Some(s_bar)]
    }
}

pub(crate) fn cases() -> Vec<(String, Loss)> {
    let mut cases: Vec<(String, Loss)> = Vec::new();
    let mut case = |name: &str, loss: Loss| cases.push((name.into(), loss));
    // Differences of a value that counts as constant are not its derivative.
    for &f in Unary::ALL.iter().filter(|&&f| f != Unary::StopGradient) {
        case(
            &format!("{f:?}"),
            Box::new(move |x| in_domain(f, x[0]).map(f) * x[1] + in_domain(f, x[2]).map(f)),
        );
        case(&format!("array {f:?}"), Box::new(move |x| weighted(in_domain(f, stacked(x)).map(f))));
    }
    for f in [Binary::Polygamma, Binary::BesselJ] {
        case(
            &format!("{f:?}"),
            Box::new(move |x| {
                let order = Var::constant(2.0);
                order.zip(f, x[0]) * x[1] + weighted(stacked(x).lift(1.0).zip(f, stacked(x)))
            }),
        );
    }
    for &f in Binary::ALL.iter().filter(|f| !matches!(f, Binary::Polygamma | Binary::BesselJ)) {
        case(&format!("{f:?}"), Box::new(move |x| x[0].zip(f, x[1]) * x[2] + x[3].zip(f, x[0])));
        case(
            &format!("{f:?} with constants"),
            Box::new(move |x| {
                x[0].zip(f, Var::constant(0.37)) * x[1] + Var::constant(0.73).zip(f, x[2])
            }),
        );
        case(
            &format!("array {f:?}, broadcast"),
            Box::new(move |x| {
                let t = stacked(x).reshape(&[2, 3]);
                weighted(t.zip(f, t.view(1, &[3]))) + weighted(t.view(2, &[2, 1]).zip(f, t))
            }),
        );
    }
    for n in [-2, 0, 1, 2, 5] {
        case(&format!("power {n}"), Box::new(move |x| x[0].powi(n) * x[1]));
        case(&format!("array power {n}"), Box::new(move |x| weighted(stacked(x).powi(n))));
    }
    for p in [-0.5, 1.0, 2.5] {
        case(&format!("power {p}"), Box::new(move |x| x[0].power_real(p) * x[1]));
        case(&format!("array power {p}"), Box::new(move |x| weighted(stacked(x).powf(p))));
    }
    let composed: [(&str, OfArray); 5] = [
        ("silu", |t| t.silu()),
        ("gelu", |t| t.gelu()),
        ("gelu_tanh", |t| t.gelu_tanh()),
        ("elu", |t| (t - 0.5).elu(0.7)),
        ("mish", |t| t.mish()),
    ];
    for (name, f) in composed {
        case(name, Box::new(move |x| weighted(f(stacked(x)))));
    }
    case(
        "log_sum_exp of scalars",
        Box::new(|x| Scalar::log_sum_exp_of(x.iter().copied()).exp() * x[0].log(x[1])),
    );
    case("sum", Box::new(|x| x.iter().map(|x| x * x).sum::<Var<'_>>().sin()));
    case(
        "sum of products",
        Box::new(|x| Scalar::sum_of_products(x.iter().zip(&x[1..]).map(|(&a, &b)| (a, b.exp())))),
    );
    case("multiply-add", Box::new(|x| x[0].mul_add(x[1], x[2]).exp()));
    case("element", Box::new(|x| stacked(x).exp().get(2) * x[2]));
    case(
        "matmul",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            // Transposed once, or twice before the product reads it.
            let z = a.t();
            weighted(a.matmul(z))
                + weighted(z.matmul(a))
                + weighted(z.matmul(a.view(1, &[2, 2]).t()))
                + weighted(z.matmul(z.t().exp()))
                + weighted(a.matmul(a.exp().t().t().t()))
        }),
    );
    case(
        "sums over axes",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            weighted(a.sum_axis(0))
                + weighted(a.mean_axis(1))
                + a.exp().mean()
                + weighted(a.sum_to(&[3]))
        }),
    );
    case("broadcast", Box::new(|x| weighted(stacked(x).view(2, &[3, 1]).broadcast(&[2, 3, 4]))));
    case(
        "log_sum_exp",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            weighted(a.log_sum_exp(0)) + weighted(a.log_sum_exp(1)) + weighted(a.softmax(1))
        }),
    );
    case(
        "max",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            weighted(a.max_axis(0)) + weighted(a.exp().max_axis(1))
        }),
    );
    case(
        "permute",
        Box::new(|x| weighted(stacked(x).reshape(&[1, 2, 3]).permute(&[2, 0, 1]).exp())),
    );
    case(
        "pointwise",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            weighted(Tensor::elementwise(Bent, [a, a.view(1, &[3])]))
        }),
    );
    case(
        "custom",
        Box::new(|x| {
            let a = stacked(x);
            weighted(Tensor::custom(ScaledSquare, &[a.view(0, &[2, 2]), x[4].to_tensor(a.tape())]))
        }),
    );
    case(
        "call",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            let inputs = [a, a.t().sin(), x[3].to_tensor(a.tape())];
            weighted(checkpoint(&inputs, |x| (x[0].matmul(x[1]) * x[2]).exp()))
        }),
    );
    case(
        "strided",
        Box::new(|x| {
            let a = stacked(x).exp().reshape(&[2, 3]);
            weighted(a.slice_step(1, 0..3, -2))
                + weighted(a.diagonal(1, 0, 1))
                + weighted(a.slice(1, 1..3).powi(2))
                + weighted(a.select(1, 2).flip(0))
        }),
    );
    case(
        "strided_add",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            let b = a.select(1, 0).sin();
            weighted(b.diag(-1))
                + weighted(Tensor::concat(&[a, b.keep_axis(1), a.exp()], 1))
                + weighted(a.pad(1, 2, 1))
        }),
    );
    case(
        "gather and scatter_add",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            let numbers = Array::new(&[2, 2], vec![2.0, 0.0, 2.0, 2.0]).expect("four");
            let at = a.constant(&numbers);
            weighted(a.exp().gather(1, at))
                + weighted(a.take(1, at))
                + weighted(a.gather(1, at).sin().scatter_add(0, at, 3))
                + weighted(a.gather(1, a.argmax(1).keep_axis(1)).exp())
        }),
    );
    case(
        "select",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            let row = a.select(0, 1);
            weighted(a.gt(0.5).where_cond(a.exp(), row)) + weighted(row.le(0.4).where_cond(0.5, a))
        }),
    );
    case(
        "cumsum",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            weighted(a.cumsum(1)) + weighted(a.exp().cumsum(0))
        }),
    );
    case(
        "cumprod",
        Box::new(|x| {
            let a = stacked(x).reshape(&[2, 3]);
            // One zero in the first row, two in the second.
            let moved = [0.0, X[1], 0.0, X[3], X[4], 0.0].to_vec();
            let with_zeros = a - a.constant(&Array::new(&[2, 3], moved).expect("six"));
            weighted(a.cumprod(1)) + weighted(a.exp().cumprod(0)) + weighted(with_zeros.cumprod(1))
        }),
    );
    case(
        "batched matmul",
        Box::new(|x| {
            let a = stacked(x).reshape(&[3, 2, 1]);
            let b = stacked(x).exp().reshape(&[2, 3]).view(0, &[1, 2]);
            weighted(a.matmul(b))
                + weighted(a.swap_axes(1, 2).matmul(a.exp()))
                + weighted(b.matmul(a))
                + weighted(b.swap_axes(0, 1).matmul(a.swap_axes(1, 2)))
        }),
    );
    case(
        "scalars and arrays",
        Box::new(|x| weighted(stacked(x) * x[1] + x[0] / stacked(x)) * x[2]),
    );
    cases
}
