//! Check values in double precision: value, norm of the gradient, `vᵀHv`, norm of the Hessian.
//!
//! On the scalar workloads 9 to 20 implementations agree on each (JAX, CasADi, ADOL-C, CppAD, CoDiPack, Adept, num-dual,
//! ad_trait), on the networks JAX, PyTorch, burn and candle, to within some units of the last digit.

use super::Operation;

const VALUES: [(&str, [Option<f64>; 4]); 16] = [
    (
        "rosen10",
        [
            Some(70.09369085631374),
            Some(59.11748045358942),
            Some(-352.0757933368253),
            Some(1833.175265600211),
        ],
    ),
    (
        "rosen100",
        [
            Some(6022.930455587923),
            Some(4147.243833288579),
            Some(30536.03329184966),
            Some(9342.458456790917),
        ],
    ),
    (
        "rosen1000",
        [
            Some(89439.32826829232),
            Some(16343.23379583886),
            Some(402275.2773761427),
            Some(32686.25605004055),
        ],
    ),
    (
        "helm10",
        [
            Some(-1.677483321285012),
            Some(3.559405473287168),
            Some(119.6553512695166),
            Some(58.31245463011481),
        ],
    ),
    (
        "helm50",
        [
            Some(-2.298286423485892),
            Some(24.25015345125626),
            Some(2989.528420963792),
            Some(875.5694769710194),
        ],
    ),
    (
        "helm100",
        [
            Some(-2.733656108539457),
            Some(39.92176840431656),
            Some(11210.90611798207),
            Some(2266.01384617107),
        ],
    ),
    (
        "gmm_d10k5",
        [Some(-924.7036487699762), Some(232.8826899461833), Some(-796.4265507563091), None],
    ),
    (
        "gmm_d20k25",
        [Some(6367.321549439788), Some(260.6465043178334), Some(49.65098902169046), None],
    ),
    (
        "lv1000",
        [
            Some(0.04218829457799182),
            Some(2.719064389247662),
            Some(351.8779784968566),
            Some(136.7793148955383),
        ],
    ),
    ("mlp_b1", [Some(2.17188028825851), Some(5.27191453750151), Some(-18.8732279857761), None]),
    ("mlp_b32", [Some(2.31564023560798), Some(0.51221428527538), Some(19.9662848524204), None]),
    ("mlp_b256", [Some(2.31119091720301), Some(0.194620122457567), Some(11.7729847072574), None]),
    (
        "iris_b150",
        [
            Some(1.11647608896374),
            Some(0.16468688589858),
            Some(0.540770492744975),
            Some(1.43269750790393),
        ],
    ),
    ("cnn_b32", [Some(2.31947775980801), Some(0.341184548540043), Some(5.79658181318618), None]),
    ("lstm_b16", [Some(0.370437896873369), Some(0.213135817016151), Some(1.14382800127434), None]),
    ("xfmr_b8", [Some(0.717295611806022), Some(0.148272664194951), Some(28.7730407731291), None]),
];

/// The check value of an operation, if there is one.
pub fn check_value(workload: &str, operation: Operation) -> Option<f64> {
    let (_, values) = VALUES.iter().find(|(name, _)| *name == workload)?;
    values[match operation {
        Operation::Value => 0,
        Operation::OneShotGradient | Operation::Gradient | Operation::ForwardGradient => 1,
        Operation::OneShotHvp | Operation::Hvp | Operation::NextHvp | Operation::FirstHvp => 2,
        Operation::Hessian | Operation::ForwardHessian | Operation::SparseHessian => 3,
        Operation::SixteenHvps => return None,
    }]
}
