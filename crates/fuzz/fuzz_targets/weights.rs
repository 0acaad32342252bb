//! Files of weights: loaded to the bit or refused, with the network then as it was.

#![no_main]

use std::fs;

use dualtape_fuzz::{bits, bounded, network, safetensors, scratch};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = safetensors(bytes);
    let path = scratch("weights");
    fs::write(&path, &file).expect("the folder can be written");
    let mut loaded = network(1);
    let before = loaded.clone();
    let result = bounded(64 * file.len() + (1 << 20), || loaded.load(&path));
    if result.is_err() {
        assert_eq!(bits(loaded.parameters()), bits(before.parameters()));
        assert_eq!(bits(loaded.buffers()), bits(before.buffers()));
    }
    loaded.save(&path).unwrap();
    let mut again = network(2);
    again.load(&path).unwrap();
    assert_eq!(bits(again.parameters()), bits(loaded.parameters()));
    assert_eq!(bits(again.buffers()), bits(loaded.buffers()));
});
