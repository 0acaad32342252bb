//! Attention, transformer blocks and positions.

use dualtape_autodiff::{Array, Real, Tape, record};
use dualtape_layers::{
    Activation, DecoderBlock, EncoderBlock, LearnedPositions, MeanOfSteps, Mode, Module,
    MultiHeadAttention, SinusoidalPositions, predict, transformer,
};

use crate::oracles::{case, tensor, theta};
use crate::sequences::{check, check_derivatives, layout, output, refused, scalar, sines};
use crate::support::{assert_close, rng, wave};

const ATTENTION: &str = include_str!("../data/nn_attention.json");

fn inputs<S: Real>() -> Array<S> {
    sines(&[2, 3, 4], [1.2, 0.91, 0.4])
}

fn memory() -> Array<f64> {
    sines(&[2, 2, 4], [0.9, 0.67, 0.8])
}

/// Lengths of the sequences of [`inputs`], and of [`memory`].
fn lengths(length: f64) -> Array<f64> {
    Array::vector(vec![length, length + 1.0])
}

/// An attention as the words of a case's name say.
fn attention(name: &str) -> MultiHeadAttention {
    let mut layer = MultiHeadAttention::new(4, 2);
    if name.contains("no bias") {
        layer = layer.without_bias();
    }
    if name.contains("causal") {
        layer = layer.causal();
    }
    if name.contains("padding") {
        layer = layer.lengths_from("lengths");
    }
    if name.contains("additive") {
        layer = layer.additive_mask_from("additive");
    }
    layer
}

#[test]
fn attention_agrees_with_pytorch() {
    let additive = sines(&[3, 3], [0.8, 1.3, 0.1]);
    for name in ["plain", "no bias", "causal", "padding", "additive", "causal padding"] {
        let layer = attention(name);
        let data = [&inputs(), &lengths(2.0), &additive];
        check(&format!("attention/{name}"), &layout(&layer), &data, |scope, data| {
            let scope = scope.clone().with_side_input("lengths", data[1]);
            vec![layer.forward(&scope.with_side_input("additive", data[2]), data[0])]
        });
    }
    for name in ["cross", "cross padding"] {
        let layer = attention(name);
        let data = [&inputs(), &memory(), &lengths(1.0)];
        check(&format!("attention/{name}"), &layout(&layer), &data, |scope, data| {
            let scope = scope.clone().with_side_input("lengths", data[2]);
            vec![layer.attend(&scope, data[0], data[1])]
        });
    }
}

#[test]
fn keys_and_values_of_their_own_widths_agree_with_pytorch() {
    let [keys, values] = [sines(&[2, 2, 3], [0.9, 0.67, 0.8]), sines(&[2, 2, 5], [1.1, 0.43, 0.3])];
    for name in ["widths", "widths no bias padding"] {
        let layer = attention(name).key_value_widths(3, 5);
        let data = [&inputs(), &keys, &values, &lengths(1.0)];
        check(&format!("attention/{name}"), &layout(&layer), &data, |scope, data| {
            let scope = scope.clone().with_side_input("lengths", data[3]);
            vec![layer.attend_to(&scope, data[0], data[1], data[2])]
        });
    }
    // Two names for one thing.
    let (layer, memory) = (attention(""), memory());
    check("attention/cross", &layout(&layer), &[&inputs(), &memory], |scope, data| {
        vec![layer.attend_to(scope, data[0], data[1], data[1])]
    });
}

#[test]
fn keys_and_values_must_have_the_widths_that_were_stated() {
    let layer = MultiHeadAttention::new(4, 2).key_value_widths(3, 5);
    let layout = layout(&layer);
    let [x, keys, values] = [&[2, 3, 4], &[2, 2, 3], &[2, 2, 5]];
    let fits = |[x, keys, values]: [&[usize]; 3]| {
        let tape = Tape::<f64>::new();
        let scope = layout.bind(tape.constant(&Array::zeros(&[layout.len()])));
        let [x, keys, values] = [x, keys, values].map(|of| tape.constant(&Array::zeros(of)));
        layer.attend_to(&scope, x, keys, values);
        tape.error().map(|error| error.to_string())
    };
    assert_eq!(fits([x, keys, values]), None);
    let bad: [[&[usize]; 3]; 6] = [
        [x, values, keys],
        [&[2, 3, 3], keys, values],
        [x, &[2, 3, 3], values],
        [x, &[1, 2, 3], &[1, 2, 5]],
        [x, &[2, 0, 3], &[2, 0, 5]],
        [x, keys, &[2, 5]],
    ];
    for shapes in bad {
        let refused = fits(shapes).unwrap_or_else(|| panic!("{shapes:?} were taken"));
        let needs = "[batch, steps, 4 (for keys 3, for values 5)]";
        assert!(refused.contains(needs), "{refused}");
    }
    // It is no self-attention.
    assert!(predict(&layer, &vec![0.0; layout.len()], &inputs()).is_err());
}

#[test]
fn encoder_blocks_agree_with_pytorch() {
    let post = EncoderBlock::new(attention(""), 5);
    let pre = EncoderBlock::new(attention("causal padding"), 5).pre_norm();
    let pre = pre.activation(Activation::Gelu);
    for (name, block) in [("post relu", post), ("pre gelu causal padding", pre)] {
        let data = [&inputs(), &lengths(2.0)];
        check(&format!("encoder/{name}"), &layout(&block), &data, |scope, data| {
            let scope = scope.clone().with_side_input("lengths", data[1]);
            vec![block.forward(&scope, data[0])]
        });
    }
}

#[test]
fn decoder_blocks_agree_with_pytorch() {
    let post = DecoderBlock::new(attention(""), attention(""), 5);
    let pre = DecoderBlock::new(attention("causal"), attention("padding"), 5).pre_norm();
    let pre = pre.activation(Activation::Gelu);
    for (name, block) in [("post relu", post), ("pre gelu causal", pre)] {
        let data = [&inputs(), &memory(), &lengths(1.0)];
        check(&format!("decoder/{name}"), &layout(&block), &data, |scope, data| {
            let scope = scope.clone().with_side_input("lengths", data[2]);
            vec![block.forward(&scope.with_side_input("memory", data[1]), data[0])]
        });
    }
}

#[test]
fn single_head_of_the_oracle() {
    let case = case(ATTENTION, "attention/mha_single_head");
    let layer = MultiHeadAttention::new(3, 1);
    let (layout, theta) = (layout(&layer), theta(&case));
    let (x, y) = (tensor(&case["data"]["x"]), tensor(&case["data"]["y"]));
    let function = record(&theta).data(&[&x, &y]).function(|theta, data| {
        (layer.forward(&layout.bind(theta), data[0]) - data[1]).powi(2).mean()
    });
    let expected = [&case["loss"], &case["grad"], &case["hvp"]];
    check_derivatives("mha_single_head", &function.unwrap(), &theta, expected);
}

/// Masks and −∞ in an additive mask are one thing said in two ways; a sequence without keys gets the bias alone, with
/// derivatives that are finite.
#[test]
fn queries_that_see_nothing_get_zeros() {
    let infinity = f64::NEG_INFINITY;
    let mask = Array::new(&[2, 3], vec![0.0, 0.0, 0.0, 1.0, 0.0, 1.0]).unwrap();
    let additive = [infinity, infinity, infinity, 0.0, infinity, 0.0].to_vec();
    let additive = Array::new(&[2, 1, 1, 3], additive).unwrap();
    let by_mask = MultiHeadAttention::new(4, 2).mask_from("mask");
    let by_sum = MultiHeadAttention::new(4, 2).additive_mask_from("mask");
    let layout = layout(&by_mask);
    let theta = sines::<f64>(&[layout.len()], [0.6, 1.7, 0.2]).data().to_vec();
    let v = wave::<f64>(&[layout.len()], 1.0, 1.9).data().to_vec();
    let all = |layer: &MultiHeadAttention, mask: &Array<f64>| {
        let y = output(layer, &theta, &inputs(), &[("mask", mask)]).unwrap();
        let f = record(&theta).data(&[&inputs(), mask]).function(|theta, data| {
            let scope = layout.bind(theta).with_side_input("mask", data[1]);
            scalar(&[layer.forward(&scope, data[0])])
        });
        let f = f.unwrap();
        let mut hv = vec![0.0; v.len()];
        f.hvp_into(&theta, &v, &mut hv).unwrap();
        (y, f.gradient(&theta).unwrap(), hv)
    };
    let (y, gradient, hv) = all(&by_mask, &mask);
    let bias = layout.view(&theta, "out_proj.bias").unwrap();
    assert_eq!(y.data()[..12], [bias, bias, bias].concat());
    assert!(gradient.iter().chain(&hv).all(|x| x.is_finite()));
    assert_eq!((y, gradient, hv), all(&by_sum, &additive));
}

/// No query of a causal attention learns from what comes later.
#[test]
fn causal_attention_does_not_look_ahead() {
    let block = EncoderBlock::new(attention("causal"), 5).pre_norm();
    let theta: Vec<f64> = block.init(&mut rng(3));
    let y = predict(&block, &theta, &inputs()).unwrap();
    let mut later = inputs::<f64>().data().to_vec();
    later[8..12].fill(5.0);
    let z = predict(&block, &theta, &Array::new(&[2, 3, 4], later).unwrap()).unwrap();
    assert_eq!(y.data()[..8], z.data()[..8]);
    assert_ne!(y.data()[8..12], z.data()[8..12]);
}

/// Attention without masks does not depend on the order of the keys; positions make it so.
#[test]
fn positions_break_the_symmetry() {
    let layer = attention("");
    let theta: Vec<f64> = layer.init(&mut rng(4));
    let flip = |x: &Array<f64>| {
        let tape = Tape::new();
        let y = tape.constant(x).flip(1);
        Array::new(y.shape(), y.data().to_vec()).unwrap()
    };
    let with = |positions: &dyn Module<f64>, table: &[f64], x: &Array<f64>| {
        predict(&layer, &theta, &predict(positions, table, x).unwrap()).unwrap()
    };
    let plain = predict(&layer, &theta, &flip(&inputs())).unwrap();
    let expected = flip(&predict(&layer, &theta, &inputs()).unwrap());
    assert_close("flipped", plain.data(), expected.data(), 1e-14);
    let table = wave::<f64>(&[20], 1.0, 0.8).data().to_vec();
    let learned = LearnedPositions::new(5, 4);
    let positions: [(&dyn Module<f64>, &[f64]); 2] =
        [(&SinusoidalPositions, &[]), (&learned, &table)];
    for (positions, table) in positions {
        let flipped = with(positions, table, &flip(&inputs()));
        let expected = flip(&with(positions, table, &inputs()));
        assert!(flipped.data().iter().zip(expected.data()).any(|(a, b)| (a - b).abs() > 1e-3));
    }
    let odd = predict(&SinusoidalPositions, &[], &Array::<f64>::zeros(&[1, 2, 3])).unwrap();
    let last = (10_000.0_f64.powf(-2.0 / 3.0)).sin();
    assert_close("odd", odd.data(), &[0.0, 1.0, 0.0, 1_f64.sin(), 1_f64.cos(), last], 1e-15);
}

#[test]
fn means_over_the_steps_that_count() {
    let x = inputs::<f64>();
    let mean = MeanOfSteps::new().lengths_from("lengths");
    let y = output(&mean, &[], &x, &[("lengths", &Array::vector(vec![2.0, 0.0]))]).unwrap();
    let by_hand: Vec<f64> = (0..4).map(|k| 0.5 * (x.data()[k] + x.data()[4 + k])).collect();
    assert_close("lengths", y.data(), &[by_hand, vec![0.0; 4]].concat(), 1e-15);
    let mask = Array::new(&[2, 3], vec![2.0, 0.0, 1.0, 0.0, 0.0, 1.0]).unwrap();
    let y = output(&MeanOfSteps::new().mask_from("m"), &[], &x, &[("m", &mask)]).unwrap();
    let by_hand: Vec<f64> = (0..4).map(|k| 0.5 * (x.data()[k] + x.data()[8 + k])).collect();
    assert_close("mask", y.data(), &[&by_hand, &x.data()[20..]].concat(), 1e-15);
}

#[test]
fn one_step_one_sequence_single_precision() {
    let model = transformer(4, 4, 2, 2, 3);
    for shape in [[1, 1, 4], [1, 3, 4], [2, 1, 4]] {
        let theta: Vec<f64> = model.init(&mut rng(5));
        let expected = predict(&model, &theta, &wave(&shape, 1.0, 0.7)).unwrap();
        assert_eq!(expected.shape(), [shape[0], 3]);
        let model = transformer(4, 4, 2, 2, 3);
        let theta: Vec<f32> = model.init(&mut rng(5));
        let y = predict(&model, &theta, &wave(&shape, 1.0, 0.7)).unwrap();
        assert_close("output", y.data(), expected.data(), 64.0 * f64::from(f32::EPSILON));
    }
}

#[test]
fn dropout_in_training_alone() {
    let trained = |model: &dyn Module<f64>| {
        let layout = layout(model);
        let tape = Tape::<f64>::new();
        let theta = tape.constant(&Array::vector(layout.sample(&mut rng(6))));
        let scope = layout.bind_in(theta, Mode::Train);
        model.forward(&scope, tape.constant(&inputs())).data().to_vec()
    };
    let plain = EncoderBlock::new(attention(""), 5);
    let dropping = EncoderBlock::new(attention("").dropout(0.5), 5);
    assert_ne!(trained(&plain), trained(&dropping));
    assert_ne!(trained(&plain), trained(&plain.clone().dropout(0.5)));
    let theta: Vec<f64> = plain.init(&mut rng(6));
    let evaluated = |model: &EncoderBlock| predict(model, &theta, &inputs()).unwrap();
    assert_eq!(evaluated(&plain), evaluated(&dropping.dropout(0.5)));
}

#[test]
fn names_and_initial_values_are_those_of_pytorch() {
    let block = DecoderBlock::new(attention(""), attention(""), 5);
    let layout = layout(&block);
    let names: Vec<&str> = layout.iter().map(|view| view.name()).collect();
    let attention = |name: &str| {
        ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]
            .map(|part| format!("{name}.{part}"))
    };
    let pairs = ["linear1", "linear2", "norm1", "norm2", "norm3"];
    let pairs =
        pairs.iter().flat_map(|name| ["weight", "bias"].map(|part| format!("{name}.{part}")));
    let expected: Vec<String> = attention("self_attn")
        .into_iter()
        .chain(attention("multihead_attn"))
        .chain(pairs)
        .collect();
    assert_eq!(names, expected);

    let theta: Vec<f64> = block.init(&mut rng(7));
    let largest = |name| {
        let entries = layout.view(&theta, name).unwrap();
        entries.iter().map(|x| x.abs()).fold(0.0, f64::max)
    };
    let within = |name, bound: f64| largest(name) <= bound && largest(name) > 0.8 * bound;
    assert!(within("self_attn.in_proj_weight", (6.0_f64 / 16.0).sqrt()));
    assert!(within("self_attn.out_proj.weight", 0.5));
    assert_eq!(largest("self_attn.in_proj_bias") + largest("self_attn.out_proj.bias"), 0.0);
}

#[test]
fn attentions_that_cannot_be_are_refused() {
    let layer = MultiHeadAttention::new(4, 2);
    refused(&layer, &[2, 3], "[batch, steps, 4]");
    refused(&layer, &[2, 3, 5], "shapes [[2, 3, 5]] do not fit MultiHeadAttention");
    refused(&layer, &[2, 0, 4], "at least one step");
    refused(&MultiHeadAttention::new(4, 3), &[2, 3, 4], "not 4 of 3");
    refused(&MultiHeadAttention::new(4, 0), &[2, 3, 4], "not 4 of 0");
    refused(&layer.clone().mask_from("keys"), &[2, 3, 4], "shape [2, 3] by the name `keys`");
    refused(&layer.clone().additive_mask_from("sum"), &[2, 3, 4], "broadcasts to [2, 2, 3, 3]");
    refused(&layer.clone().dropout(-0.5), &[2, 3, 4], "probability");
    refused(&LearnedPositions::new(2, 4), &[2, 3, 4], "up to 2 steps");
    refused(&SinusoidalPositions, &[2, 3], "[batch, steps, width]");
    refused(&MeanOfSteps::new(), &[2, 0, 3], "at least one step");
    refused(&DecoderBlock::new(layer.clone(), layer.clone(), 5), &[2, 3, 4], "`memory`");
    refused(&EncoderBlock::new(layer.clone(), 5), &[2, 3, 3], "[batch, steps, 4]");

    let theta: Vec<f64> = layer.init(&mut rng(1));
    let layer = layer.additive_mask_from("sum");
    for shape in [&[2, 3][..], &[5, 2, 2, 3, 3]] {
        let error = output(&layer, &theta, &inputs(), &[("sum", &wave(shape, 1.0, 0.7))]);
        assert!(error.unwrap_err().to_string().contains("do not fit an additive mask"));
    }
    let cross = DecoderBlock::new(attention(""), MultiHeadAttention::new(6, 2), 5);
    let theta: Vec<f64> = cross.init(&mut rng(1));
    let error = output(&cross, &theta, &inputs(), &[("memory", &memory())]).unwrap_err();
    assert!(error.to_string().contains("[[2, 3, 4], [2, 2, 4]]"), "{error}");
}

/// Output, loss over the rows that `counts` picks, and its first and second derivatives along a direction, in the parameters
/// and in the inputs: by gradient, by Hessian product, and by duals alone.
fn all_of(
    layer: &dyn Module<f64>,
    x: &Array<f64>,
    sides: &[(&str, &Array<f64>)],
    counts: &Array<f64>,
) -> [Vec<f64>; 3] {
    let layout = layout(layer);
    let theta = sines::<f64>(&[layout.len()], [0.6, 1.7, 0.2]).data().to_vec();
    let point = [&theta[..], x.data()].concat();
    let direction = wave::<f64>(&[point.len()], 1.0, 1.9).data().to_vec();
    let (shape, n) = (x.shape().to_vec(), theta.len());
    let sides: Vec<(String, Array<f64>)> =
        sides.iter().map(|&(name, array)| (name.to_owned(), array.clone())).collect();
    let counts = counts.clone();
    let f = record(&point).array().function(|point| {
        let mut scope = layout.bind(point.view(0, &[n]));
        for (name, array) in &sides {
            scope = scope.with_side_input(name, point.constant(array));
        }
        let y = layer.forward(&scope, point.view(n, &shape));
        point.constant(&counts).where_cond(y.powi(3), 0.0).sum()
    });
    let f = f.unwrap();
    let mut hv = vec![0.0; point.len()];
    f.hvp_into(&point, &direction, &mut hv).unwrap();
    [vec![f.value(&point).unwrap()], f.gradient(&point).unwrap(), hv]
}

/// What no query that counts may see has no influence, whatever it holds: on values, gradients and Hessian products, in
/// parameters and inputs.
#[test]
fn what_is_masked_does_not_count_whatever_it_holds() {
    let infinity = f64::NEG_INFINITY;
    let lengths = lengths(2.0); // of the second sequence 3
    let mask = Array::new(&[2, 3], vec![1.0, 1.0, 0.0, 1.0, 1.0, 1.0]).unwrap();
    let mut additive = vec![0.3; 18];
    [2, 5, 8].iter().for_each(|&k| additive[k] = infinity);
    let additive = Array::new(&[2, 1, 3, 3], additive).unwrap();
    let sides = [("lengths", &lengths), ("mask", &mask), ("additive", &additive)];
    let plain = || MultiHeadAttention::new(4, 2);
    let layers = [
        ("lengths", plain().lengths_from("lengths")),
        ("mask", plain().mask_from("mask")),
        ("additive", plain().additive_mask_from("additive")),
        ("causal", plain().causal()),
        ("all", plain().causal().lengths_from("lengths").additive_mask_from("additive")),
    ];
    // The third step of the first sequence is not seen by those before, and does not count.
    let mut counted = vec![1.0; 24];
    counted[8..12].fill(0.0);
    let counted = Array::new(&[2, 3, 4], counted).unwrap();
    let with = |held: f64| {
        let mut x = inputs::<f64>().data().to_vec();
        x[8..12].fill(held);
        Array::new(&[2, 3, 4], x).unwrap()
    };
    for (name, layer) in layers {
        let blocks: [(&str, Box<dyn Module<f64>>); 3] = [
            ("attention", Box::new(layer.clone())),
            ("pre-norm block", Box::new(EncoderBlock::new(layer.clone(), 5).pre_norm())),
            ("post-norm block", Box::new(EncoderBlock::new(layer, 5).activation(Activation::Gelu))),
        ];
        for (kind, module) in blocks {
            let expected = all_of(&*module, &with(0.0), &sides, &counted);
            assert!(expected.iter().flatten().all(|x| x.is_finite()));
            for held in [f64::NAN, f64::INFINITY, -f64::INFINITY, 3.0] {
                let got = all_of(&*module, &with(held), &sides, &counted);
                // What is not finite is looked into on another way, which rounds differently.
                for (got, expected) in got.iter().flatten().zip(expected.iter().flatten()) {
                    let near = (got - expected).abs() <= 1e-12 * (1.0 + expected.abs());
                    assert!(near, "{kind}, {name}, {held}: {got} for {expected}");
                }
            }
            // And it is no secret to those who see it.
            let all = Array::new(&[2, 3, 4], vec![1.0; 24]).unwrap();
            assert!(all_of(&*module, &with(f64::NAN), &sides, &all)[0][0].is_nan());
        }
    }
}

#[test]
fn a_memory_that_is_masked_does_not_count_whatever_it_holds() {
    let lengths = lengths(1.0); // of the second memory 2
    let with = |held: f64| {
        let mut memory = memory().data().to_vec();
        memory[4..8].fill(held);
        Array::new(&[2, 2, 4], memory).unwrap()
    };
    let all = Array::new(&[2, 3, 4], vec![1.0; 24]).unwrap();
    let own = || MultiHeadAttention::new(4, 2);
    let decoder = DecoderBlock::new(own().causal(), own().lengths_from("lengths"), 5).pre_norm();
    let of = |held: f64| {
        let memory = with(held);
        all_of(&decoder, &inputs(), &[("lengths", &lengths), ("memory", &memory)], &all)
    };
    let expected = of(0.0);
    for held in [f64::NAN, f64::INFINITY, f64::MAX] {
        assert_eq!(of(held), expected, "{held}");
    }
    // The same of keys and values of their own widths.
    let layer = own().key_value_widths(4, 4).lengths_from("lengths");
    let attend = |held: f64| {
        let layout = layout(&layer);
        let theta = sines::<f64>(&[layout.len()], [0.6, 1.7, 0.2]).data().to_vec();
        let f = record(&theta).data(&[&inputs(), &with(held), &lengths]).function(|theta, data| {
            let scope = layout.bind(theta).with_side_input("lengths", data[2]);
            layer.attend_to(&scope, data[0], data[1], data[1]).powi(3).sum()
        });
        (f.as_ref().unwrap().value(&theta).unwrap(), f.unwrap().gradient(&theta).unwrap())
    };
    assert_eq!(attend(f64::NAN), attend(0.0));
}
