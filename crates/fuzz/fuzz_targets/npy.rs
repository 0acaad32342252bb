//! NPY files: read or refused in memory that what is there accounts for, and the same when written and read again.

#![no_main]

use dualtape_fuzz::{bits, bounded, npy, npy_of};
use dualtape_layers::read_npy_from;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = npy(bytes);
    let budget = 64 * file.len() + (1 << 20);
    let single = bounded(budget, || read_npy_from::<f32>("a", file.as_slice()));
    let Ok(array) = bounded(budget, || read_npy_from::<f64>("a", file.as_slice())) else {
        // What single precision has, double precision has.
        return assert!(single.is_err());
    };
    if let Ok(single) = single {
        let rounded: Vec<f32> = array.data().iter().map(|&x| x as f32).collect();
        assert_eq!((single.shape(), single.data()), (array.shape(), &rounded[..]));
    }
    for fortran in [false, true] {
        let again = read_npy_from::<f64>("b", npy_of(&array, fortran).as_slice()).unwrap();
        assert_eq!((again.shape(), bits(again.data())), (array.shape(), bits(array.data())));
    }
});
