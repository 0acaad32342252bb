//! States of training: refused with the network as it was, or training goes on from them, and to the same bits if it is
//! interrupted once more.

#![no_main]

use std::fs;
use std::ops::ControlFlow;

use dualtape_fuzz::{
    bits, bounded, data, network, optimizer, safetensors, scratch, state_beside, trainer,
};
use dualtape_layers::{Epoch, Error, History, Network};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = safetensors(bytes);
    let (state, weights) = (scratch("state"), scratch("interrupted"));
    let data = data();
    fs::write(state_beside(&state), &file).expect("the folder can be written");
    let _ = fs::remove_file(state_beside(&weights));

    let mut whole = network(1);
    let ended = bounded(64 * file.len() + (8 << 20), || {
        trainer().resume(&state).fit(&mut whole, &mut optimizer(), &data)
    });
    if let Err(Error::Resume { .. } | Error::File { .. }) = ended {
        return assert!(same(&whole, &network(1)));
    }

    let mut interrupted = network(1);
    let begun = trainer()
        .resume(&state)
        .checkpoint(&weights)
        .on_epoch(|_, _| ControlFlow::Break(()))
        .fit(&mut interrupted, &mut optimizer(), &data);
    if !state_beside(&weights).exists() {
        assert_eq!(timeless(&begun), timeless(&ended));
        return assert!(same(&interrupted, &whole));
    }
    let mut resumed = network(1);
    let resumed_end = trainer().resume(&weights).fit(&mut resumed, &mut optimizer(), &data);
    assert_eq!(timeless(&resumed_end), timeless(&ended));
    assert!(same(&resumed, &whole));
});

fn same(a: &Network<f64>, b: &Network<f64>) -> bool {
    bits(a.parameters()) == bits(b.parameters()) && bits(a.buffers()) == bits(b.buffers())
}

/// How a training ended, without how long it took.
fn timeless(ended: &Result<History, Error>) -> String {
    match ended {
        Ok(history) => {
            let epochs: Vec<_> =
                history.epochs().iter().map(|&e| Epoch { seconds: 0.0, ..e }).collect();
            format!("{epochs:?} {:?} {}", history.ended(), history.kept_epoch())
        }
        Err(error) => error.to_string(),
    }
}
