//! Einstein's summation against its definition.

use dualtape_autodiff::{Error, Tape, Tensor, record};

use super::support::{Naive, assert_close, indices, samples};

fn length(label: char) -> usize {
    2 + (label as usize - 'a' as usize) % 3
}

/// The sum over all names, element by element.
fn naive(inputs: &[&str], output: &str, operands: &[Naive]) -> Naive {
    let mut names: Vec<char> = inputs.concat().chars().collect();
    names.sort_unstable();
    names.dedup();
    let lengths: Vec<usize> = names.iter().map(|&name| length(name)).collect();
    let of = |labels: &str, i: &[usize]| -> Vec<usize> {
        labels.chars().map(|l| i[names.iter().position(|&n| n == l).unwrap()]).collect()
    };
    let shape: Vec<usize> = output.chars().map(length).collect();
    Naive::from_fn(&shape, |y| {
        let terms = indices(&lengths).into_iter().filter(|i| of(output, i) == y);
        terms
            .map(|i| inputs.iter().zip(operands).map(|(l, x)| x.at(&of(l, &i))).product::<f64>())
            .sum()
    })
}

#[test]
fn expressions_mean_their_definition() {
    let cases = [
        ("ij,jk->ik", "ik"),
        ("ij,kj->ki", "ki"),
        ("bij,bjk->bik", "bik"),
        ("bij,bkj", "ik"),
        ("ij,jk", "ik"),
        ("i,j->ij", "ij"),
        ("i,i", ""),
        ("i,i->i", "i"),
        ("ij->ji", "ji"),
        ("ij->", ""),
        ("ii", ""),
        ("ii->i", "i"),
        ("iji->j", "j"),
        ("iii->i", "i"),
        ("ijij->ij", "ij"),
        ("ab,bc,cd->ad", "ad"),
        ("i,ij,j->", ""),
        ("bhqd,bhkd->bhqk", "bhqk"),
        ("abc,cd,ae->bde", "bde"),
        ("ij,ij->j", "j"),
        ("ab,cd->adcb", "adcb"),
        ("ba", "ab"),
        (" a b , b c -> a c ", "ac"),
    ];
    for (expression, output) in cases {
        let text: String = expression.split_whitespace().collect();
        let inputs: Vec<&str> = text.split("->").next().unwrap().split(',').collect();
        let operands: Vec<Naive> = inputs
            .iter()
            .enumerate()
            .map(|(k, l)| Naive::sample(&l.chars().map(length).collect::<Vec<_>>(), k as u64))
            .collect();
        let tape = Tape::new();
        let tensors: Vec<Tensor<'_>> = operands.iter().map(|x| x.on(&tape)).collect();
        let y = Tensor::einsum(expression, &tensors);
        assert_eq!(tape.error(), None, "{expression}");
        // "bij,bkj" without a result sums over b and j.
        let output = if expression == "bij,bkj" { "ik" } else { output };
        assert_close(y, &naive(&inputs, output, &operands), 64.0);
    }
}

#[test]
fn malformed_expressions_are_refused() {
    let cases: [(&str, &str); 9] = [
        ("ij", "as many operands"),
        ("ij,jk,kl", "as many operands"),
        ("ijk,jk", "a letter for each of the 2 axes"),
        ("ij,jk->ikl", "'l' of the result"),
        ("ij,jk->ii", "'i' of the result"),
        ("ij,jj", "equal lengths of axes 'j'"),
        ("i1,jk", "not '1'"),
        ("i...,jk", "not '.'"),
        ("ij,jk->i->k", "not '-'"),
    ];
    for (expression, needs) in cases {
        let tape = Tape::new();
        let x = Naive::sample(&[2, 3], 1).on(&tape);
        let y = Naive::sample(&[3, 2], 2).on(&tape);
        Tensor::einsum(expression, &[x, y]);
        let error = tape.error().expect(expression).to_string();
        assert!(error.contains(needs) && error.contains("einsum.rs"), "{expression}: {error}");
    }
}

/// The Hessian of a bilinear attention score is that of its products of matrices.
#[test]
fn derivatives_are_those_of_the_products() -> Result<(), Error> {
    let loss = |by_einsum: bool| {
        record(&[0.0; 24]).array().function(move |x| {
            let (q, k) = (x.view(0, &[2, 2, 3]), x.view(12, &[2, 2, 3]));
            let y = match by_einsum {
                true => Tensor::einsum("bqd,bkd->bqk", &[q, k]),
                false => q.matmul(k.swap_axes(1, 2)),
            };
            y.powi(3).sum()
        })
    };
    let x = samples(24, 3);
    let (a, b) = (loss(true)?.hessian(&x)?, loss(false)?.hessian(&x)?);
    for (a, b) in a.as_slice().iter().zip(b.as_slice()) {
        assert!((a - b).abs() <= 1e-14, "{a} is not {b}");
    }
    Ok(())
}
