//! What a model has beside its parameters: ties, frozen parameters, buffers, random numbers, a mode.

use dualtape_autodiff::{Array, Function, Real, Tape, Tensor};
use dualtape_layers::{
    Activation, Dataset, Declaration, Error, Init, Linear, Mode, Module, Network, Noise, Scope,
    Sequential, Supervised, mean_squared_error, mlp, supervised,
};

use crate::support::{assert_close, rng, wave};

/// `x ↦ x·scale·m + seen`, where `m` is drawn in training and `seen` counts the rows that training has seen.
#[derive(Clone, Debug)]
struct Noisy(usize);

impl<S: Real> Module<S> for Noisy {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.parameter("scale", &[self.0], Init::Constant(2.0));
        declaration.buffer("seen", &[], Init::Zeros);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        let scaled = x * scope.parameter("scale");
        let seen = scope.buffer("seen");
        if scope.mode() == Mode::Eval {
            return scaled + seen;
        }
        scope.update("seen", seen + S::constant(x.shape()[0] as f64));
        scaled
            * scope.noise(Noise::Bernoulli(0.5), x.shape())
            * scope.noise(Noise::Uniform, &[self.0])
    }
}

fn data(rows: usize, inputs: usize, outputs: usize) -> Dataset<f64> {
    Dataset::new(wave(&[rows, inputs], 1.1, 0.3), wave(&[rows, outputs], 0.7, 0.9)).unwrap()
}

#[test]
fn tied_parameters_share_their_entries_and_add_their_derivatives() {
    let untied = mlp::<f64>(&[3, 3, 3], Activation::Tanh);
    let tied = untied.clone().tie("2.weight", "0.weight");
    let (layout, data) = (tied.layout().unwrap(), data(5, 3, 3));
    assert_eq!((layout.len(), layout.iter().len()), (9 + 3 + 3, 4));
    let parts = layout.parts();
    assert_eq!(parts.get("2.weight").unwrap().range(), parts.get("0.weight").unwrap().range());

    let objective = supervised(&tied, &data, mean_squared_error).unwrap();
    let whole = supervised(&untied, &data, mean_squared_error).unwrap();
    let theta = wave(&[15], 0.9, 0.2).data().to_vec();
    // weight, bias, weight, bias of the untied network
    let both = [&theta[..12], &theta[..9], &theta[12..]].concat();
    let gradient = whole.gradient(&both).unwrap();
    let mut expected = [&gradient[..12], &gradient[21..]].concat();
    for (sum, second) in expected.iter_mut().zip(&gradient[12..21]) {
        *sum += second;
    }
    assert_close("gradient", &objective.gradient(&theta).unwrap(), &expected, 1e-14);

    let refused = mlp::<f64>(&[3, 4, 3], Activation::Tanh).tie("2.weight", "0.weight").layout();
    assert_eq!(
        refused.unwrap_err().to_string(),
        "the parameter `2.weight` of shape [3, 4] is tied to `0.weight` of shape [4, 3]; only parameters of one shape can \
         share their entries"
    );
    assert!(matches!(
        untied.clone().tie("2.weight", "1.weight").layout(),
        Err(Error::UnknownParameter { name, .. }) if name == "1.weight"
    ));
}

#[test]
fn ties_chain() {
    let mut model = Sequential::<f64>::new();
    for _ in 0..4 {
        model = model.then(Linear::new(2, 2).without_bias());
    }
    let layout =
        model.tie("1.weight", "0.weight").tie("3.weight", "2.weight").tie("2.weight", "1.weight");
    let layout = layout.layout().unwrap();
    assert_eq!(layout.len(), 4);
    let parts = layout.parts();
    assert!(layout.iter().all(|view| parts.get(view.name()).unwrap().range() == (0..4)));
}

#[test]
fn frozen_parameters_are_constants_of_the_objective() {
    let model = mlp::<f64>(&[3, 4, 2], Activation::Tanh);
    let mut network = Network::new(model.clone(), &mut rng(3)).unwrap();
    let data = data(6, 3, 2);
    let whole = supervised(&model, &data, mean_squared_error).unwrap();
    let theta = network.parameters().to_vec();
    network.freeze("0.weight").unwrap();
    network.freeze("2.bias").unwrap();

    let objective = Supervised::of(&network, mean_squared_error).unwrap().function(&data).unwrap();
    let layout = network.layout().clone();
    let free = layout.trainable(&theta).unwrap();
    assert_eq!(free, [&theta[12..16], &theta[16..24]].concat());
    assert_eq!(objective.dim(), 12);
    assert_eq!(objective.value(&free).unwrap(), whole.value(&theta).unwrap());
    let gradient = layout.trainable(&whole.gradient(&theta).unwrap()).unwrap();
    assert_close("gradient", &objective.gradient(&free).unwrap(), &gradient, 1e-14);
    let (h, all) = (objective.hessian(&free).unwrap(), whole.hessian(&theta).unwrap());
    for (i, &row) in (12..24).collect::<Vec<usize>>().iter().enumerate() {
        assert_close("Hessian", h.row(i), &all.row(row)[12..24], 1e-13);
    }

    let mut back = theta.clone();
    layout.set_trainable(&[7.0; 12], &mut back).unwrap();
    assert_eq!(
        (&back[..12], &back[12..24], &back[24..]),
        (&theta[..12], &[7.0; 12][..], &theta[24..])
    );
    assert!(matches!(network.freeze("1"), Err(Error::UnknownParameter { .. })));
    network.freeze("0").unwrap();
    network.freeze("2").unwrap();
    assert!(matches!(Supervised::of(&network, mean_squared_error), Err(Error::Empty { .. })));
    network.unfreeze_all();
    assert_eq!(network.layout().trainable_len(), 26);
}

#[test]
fn parts_are_those_of_the_vector_that_is_trained() {
    let model = mlp::<f64>(&[3, 4, 2], Activation::Tanh);
    let mut network = Network::new(model, &mut rng(3)).unwrap();
    let parts = |network: &Network<f64>| -> Vec<(String, std::ops::Range<usize>)> {
        let parts = network.layout().parts();
        parts.iter().map(|part| (part.name().to_owned(), part.range())).collect()
    };
    let named = |names: &[(&str, std::ops::Range<usize>)]| -> Vec<_> {
        names.iter().map(|(name, range)| ((*name).to_owned(), range.clone())).collect()
    };
    let whole =
        named(&[("0.weight", 0..12), ("0.bias", 12..16), ("2.weight", 16..24), ("2.bias", 24..26)]);
    assert_eq!(parts(&network), whole);
    network.freeze("0").unwrap();
    assert_eq!(parts(&network), named(&[("2.weight", 0..8), ("2.bias", 8..10)]));
    let now = network.layout().parts();
    assert_eq!((now.dim(), now.is_whole(), now.named("0").unwrap().len()), (10, false, 0));
    assert!(now.get("0.weight").unwrap_err().to_string().contains("it is frozen"));
    let error = now.named("1").unwrap_err().to_string();
    assert!(error.contains("2.weight, 2.bias, 0.weight, 0.bias"), "{error}");
    assert_eq!(network.layout().whole().get("2.bias").unwrap().range(), 24..26);

    // Thawed by name, one after the other; what was trained stays so.
    network.freeze("2.bias").unwrap();
    network.unfreeze("0.bias").unwrap();
    assert_eq!(parts(&network), named(&[("0.bias", 0..4), ("2.weight", 4..12)]));
    network.unfreeze("2").unwrap();
    assert!(matches!(network.unfreeze("1"), Err(Error::UnknownParameter { .. })));
    network.unfreeze("0").unwrap();
    assert_eq!(parts(&network), whole);

    // Tied parameters are one part with two names.
    let tied =
        mlp::<f64>(&[2, 2, 2], Activation::Tanh).tie("2.weight", "0.weight").layout().unwrap();
    assert_eq!(tied.parts().get("2.weight").unwrap(), tied.parts().get("0.weight").unwrap());
    assert_eq!(tied.parts().named("2").unwrap().len(), 2);
    let frozen = tied.freeze("2").unwrap();
    assert!(frozen.parts().get("0.weight").is_err());
    assert_eq!(frozen.unfreeze("0").unwrap().parts().dim(), 6);
}

#[test]
fn freezing_one_of_two_tied_parameters_freezes_both() {
    let model = mlp::<f64>(&[2, 2, 2], Activation::Tanh).tie("2.weight", "0.weight");
    let layout = model.layout().unwrap().freeze("2").unwrap();
    assert_eq!(layout.trainable_len(), 2);
    let frozen: Vec<bool> = layout.iter().map(|view| layout.is_frozen(view)).collect();
    assert_eq!(frozen, [true, false, true, true]);
}

#[test]
fn buffers_and_random_numbers_are_given_and_come_back() {
    let model = Sequential::<f64>::new().then(Noisy(2)).then(Linear::new(2, 1));
    let network = Network::new(model, &mut rng(5)).unwrap();
    let data = data(4, 2, 1);
    let theta = network.parameters().to_vec();
    let record = |seed| -> Function<'_, f64> {
        let objective = Supervised::of(&network, mean_squared_error).unwrap();
        objective.seed(seed).function(&data).unwrap()
    };
    let (f, mut auxiliary) = (record(1), [0.0; 4 + 1]);
    let value = f.value_and_auxiliary_into(&theta, &mut auxiliary).unwrap();
    assert_eq!(auxiliary[4], 4.0);
    // one seed, one function; another seed, another
    assert_eq!(record(1).value(&theta).unwrap(), value);
    assert_ne!(record(2).value(&theta).unwrap(), value);
    // and it is a smooth one, with the same numbers at every point
    let moved: Vec<f64> = theta.iter().map(|x| x + 1e-6).collect();
    let slope: f64 = f.gradient(&theta).unwrap().iter().sum();
    assert!((f.value(&moved).unwrap() - value - 1e-6 * slope).abs() < 1e-10);

    let evaluation = Supervised::of(&network, mean_squared_error).unwrap().mode(Mode::Eval);
    let evaluation = evaluation.function(&data).unwrap();
    let outputs = network.predict(data.inputs()).unwrap();
    let squares = outputs.data().iter().zip(data.targets().data()).map(|(y, t)| (y - t).powi(2));
    assert!((evaluation.value(&theta).unwrap() - squares.sum::<f64>() / 4.0).abs() < 1e-15);
}

#[derive(Debug)]
struct Unsteady;

impl<S: Real> Module<S> for Unsteady {
    fn declare(&self, declaration: &mut Declaration) {
        declaration.buffer("state", &[2], Init::Zeros);
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        scope.update("state", x.sum_axis(0));
        x
    }
}

#[test]
fn wrong_buffers_are_refused_by_the_tape() {
    let layout = Module::<f64>::layout(&Unsteady).unwrap();
    let tape = Tape::<f64>::new();
    let scope = layout.bind(tape.constant(&Array::vector(Vec::new())));
    Unsteady.forward(&scope, tape.constant(&wave(&[3, 3], 1.0, 0.0)));
    let error = tape.error().unwrap().to_string();
    assert!(error.contains("the shape [2] that the module declared"), "{error}");

    let tape = Tape::new();
    layout.bind(tape.constant(&Array::vector(Vec::<f64>::new()))).buffer("stat");
    let error = tape.error().unwrap().to_string();
    assert!(error.contains("one of the names [\"state\"]"), "{error}");
}

/// Of a network of three layers the first or the last may be frozen: the vectors of the others are equally long.
#[test]
fn parts_of_a_vector_of_equal_length_are_refused() {
    let mut network = Network::new(mlp(&[3, 3, 3, 3], Activation::Tanh), &mut rng(3)).unwrap();
    network.freeze("0").unwrap();
    let others = network.layout().parts();
    network.unfreeze_all();
    network.freeze("4").unwrap();
    let parts = network.layout().parts();
    assert_eq!((parts.dim(), parts.same_vector(&others)), (others.dim(), false));

    let loss = Supervised::of(&network, mean_squared_error).unwrap();
    let theta = vec![0.3; parts.dim()];
    let function = loss.function(&data(4, 3, 3)).unwrap();
    let composite = loss.composite(&data(4, 3, 3), None).unwrap();
    let at = function.linearize(&theta).unwrap();
    let split = composite.linearize(&theta).unwrap();
    for at in [&at, &split] {
        let part = parts.get("2.weight").unwrap();
        let own = at.hessian_block(part).unwrap();
        assert_eq!(own, at.hessian_block(part.range()).unwrap());
        let module = &parts.modules()[0];
        assert_eq!((module.name(), at.hessian_block(module).unwrap().rows()), ("0", 12));

        let error = at.hessian_block(others.get("2.weight").unwrap()).unwrap_err();
        assert!(error.to_string().contains("`2.weight` is a part of another vector"), "{error}");
        let refused = at.hessian_blocks(&others.modules().iter().collect::<Vec<_>>());
        assert!(refused.is_err());
    }
}
