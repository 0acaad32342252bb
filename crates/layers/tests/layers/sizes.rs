//! Sizes that no memory holds are refused by name, and many parameters take no more time each than few.

use std::sync::Arc;

use dualtape_autodiff::{Array, Real, Tensor};
use dualtape_layers::{
    Activation, BatchNorm1d, Bilinear, ConfusionMatrix, Conv2d, Declaration, Embedding,
    EncoderBlock, Error, Init, LayerNorm, LearnedPositions, Linear, Module, MultiHeadAttention,
    Network, Recurrent, Scope, Sequential, cnn, mlp, predict, transformer,
};

use crate::support::rng;

/// Beyond the range together, beyond memory alone, beyond a signed number alone.
const ENORMOUS: [usize; 4] = [1 << 32, 1 << 60, isize::MAX as usize, usize::MAX];

#[test]
fn models_that_no_memory_holds_are_refused() {
    for n in ENORMOUS {
        let models: Vec<Arc<dyn Module<f64>>> = vec![
            Arc::new(Linear::new(n, n)),
            Arc::new(Bilinear::new(n, n, n)),
            Arc::new(Embedding::new(n, n)),
            Arc::new(Conv2d::new(n, n, [n, n])),
            Arc::new(LayerNorm::new(&[n, n])),
            Arc::new(LearnedPositions::new(n, n)),
            Arc::new(MultiHeadAttention::new(n, 1)),
            Arc::new(MultiHeadAttention::new(2, 1).key_value_widths(n, usize::MAX)),
            Arc::new(EncoderBlock::new(MultiHeadAttention::new(4, 2), usize::MAX)),
            Arc::new(Recurrent::lstm(n, n)),
            Arc::new(Recurrent::gru(2, n)),
            Arc::new(mlp(&[n, n, 3], Activation::Tanh)),
            Arc::new(cnn([n, n, n], &[1], &[1], Activation::Relu)),
            Arc::new(transformer(2, n, 1, 1, 2)),
        ];
        for model in models {
            let refused = model.layout().map(|layout| layout.len());
            assert!(
                matches!(refused, Err(Error::TooManyParameters { .. })),
                "{model:?}: {refused:?}"
            );
            assert!(matches!(
                Network::new(model, &mut rng(1)),
                Err(Error::TooManyParameters { .. })
            ));
        }
    }
    // Few enough to be numbered, too many to be held.
    let large = Linear::new(1 << 28, 1 << 28);
    assert!(Module::<f64>::layout(&large).is_ok());
    assert!(matches!(Network::<f64>::new(large, &mut rng(1)), Err(Error::TooLarge { .. })));
    let buffers = BatchNorm1d::new(1 << 56);
    assert!(matches!(Network::<f64>::new(buffers, &mut rng(1)), Err(Error::TooLarge { .. })));
}

#[test]
fn other_sizes_that_no_memory_holds_are_refused() {
    let model = mlp::<f64>(&[2, 3, 1], Activation::Tanh);
    for n in ENORMOUS {
        assert!(matches!(model.summary(&[n, 2]), Err(Error::TooLarge { .. })), "{n}");
        let confusion = ConfusionMatrix::of_labels(&[0], &[0], n);
        assert!(matches!(confusion, Err(Error::TooLarge { .. })), "{n}");
    }
}

/// Without end as good as.
#[test]
fn models_of_more_layers_than_are_ever_run_are_refused() {
    for layers in [4097, 1 << 40, usize::MAX] {
        let recurrent = Recurrent::gru(1, 1).layers(layers);
        let models: [(Arc<dyn Module<f64>>, &str); 3] = [
            (Arc::new(recurrent.clone()), "the model"),
            (Arc::new(Sequential::new().then(recurrent)), "`0`"),
            (Arc::new(transformer(2, 2, 1, layers, 2)), "`blocks`"),
        ];
        for (model, name) in models {
            let refused = model.layout().unwrap_err();
            assert!(matches!(refused, Error::TooManyLayers { most: 4096, .. }), "{refused}");
            let text = format!("{name} is to have {layers} layers: at most 4096 are made");
            assert_eq!(refused.to_string(), text);
            assert!(model.init(&mut rng(1)).is_empty());
            assert!(predict(&model, &[], &Array::zeros(&[1, 1, 2])).is_err());
            let network = Network::new(model, &mut rng(1));
            assert!(matches!(network, Err(Error::TooManyLayers { .. })));
        }
    }
    let deepest = transformer::<f64>(1, 1, 1, 4096, 1).layout().unwrap();
    assert!(deepest.find("blocks.4095.norm1.weight").is_ok());
    assert!(Module::<f64>::layout(&Recurrent::rnn(1, 1).layers(4096)).is_ok());
}

/// A sum of many parameters.
#[derive(Debug)]
struct Many(usize);

impl<S: Real> Module<S> for Many {
    fn declare(&self, declaration: &mut Declaration) {
        (0..self.0)
            .for_each(|i| declaration.parameter(&format!("p{i}"), &[1], Init::Constant(i as f64)));
        declaration.buffer("b", &[1], Init::Constant(0.5));
    }

    fn forward<'t>(&self, scope: &Scope<'t, S>, x: Tensor<'t, S>) -> Tensor<'t, S> {
        (0..self.0).fold(x + scope.buffer("b"), |x, i| x + scope.parameter(&format!("p{i}")))
    }
}

#[test]
fn each_of_many_parameters_is_found_by_its_name() {
    let inner = Sequential::<f64>::new().named("a", Many(300)).named("ab", Many(2));
    let layout = inner.layout().unwrap();
    let theta = layout.sample(&mut rng(1));
    let y = predict(&inner, &theta, &Array::vector(vec![1.0])).unwrap();
    assert_eq!(y.data(), [1.0 + 0.5 + 299.0 * 150.0 + 0.5 + 1.0]);
    assert_eq!(layout.view(&theta, "a.p217").unwrap(), [217.0]);
    assert!(
        layout.find("a.p300").is_err() && layout.find("p0").is_err() && layout.find("").is_err()
    );
    assert_eq!(layout.find_buffer("ab.b").unwrap().len(), 1);
}
