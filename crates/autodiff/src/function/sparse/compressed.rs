//! Compressed evaluation: products with sums of unit vectors, several at a time, and the entries read from them.

use super::colouring::Colouring;
use super::pattern::SparsityPattern;
use crate::compiled::{Combinations, Frozen, LANES, ProductKind};
use crate::error::Error;
use crate::number::Real;

/// How the entries of a sparse matrix are read from its products with a few directions.
#[derive(Debug)]
pub(crate) struct Compression {
    /// For each component of the direction the product it takes part in.
    colours: Vec<u32>,
    /// Number of colours.
    count: usize,
    /// Directions taken at once.
    lanes: usize,
    /// For each group of that many products, where the entries come from.
    groups: Vec<Vec<Gather>>,
    /// A random direction taken after all others, to check the pattern.
    probe: Option<Vec<f64>>,
}

/// Entry number `position` of the matrix is component `component` of the product in lane `lane`.
#[derive(Clone, Copy, Debug)]
struct Gather {
    position: usize,
    component: u32,
    lane: u32,
}

/// Where an entry is read: of the product of which colour, and which component.
pub(crate) struct Place {
    pub colour: u32,
    pub component: usize,
}

/// What the products are written to; reused from one evaluation to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch<S> {
    /// The products of one group, one after the other.
    products: Vec<S>,
    /// The product with the probe.
    pub probe: Vec<S>,
}

impl Compression {
    /// For products on this many threads.
    pub(crate) fn new(
        threads: usize,
        pattern: &SparsityPattern,
        colouring: Colouring,
        probed: bool,
        place: impl Fn(usize, usize) -> Place,
    ) -> Self {
        let Colouring { colours, count } = colouring;
        let products = count + usize::from(probed);
        let lanes = (LANES * threads).min(products).max(1);
        let mut groups = vec![Vec::new(); products.div_ceil(lanes)];
        for (position, (i, j)) in pattern.entries().enumerate() {
            let Place { colour, component } = place(i, j);
            let (group, lane) = (colour as usize / lanes, colour % lanes as u32);
            groups[group].push(Gather { position, component: component as u32, lane });
        }
        let probe = probed.then(|| probe(colours.len()));
        Self { colours, count, lanes, groups, probe }
    }

    /// Number of products, that with the probe included.
    pub(crate) fn products(&self) -> usize {
        self.count + usize::from(self.probe.is_some())
    }

    /// The direction of the probe, if there is one.
    pub(crate) fn probe(&self) -> Option<&[f64]> {
        self.probe.as_deref()
    }

    /// Writes the entries at a point, from these products there. Allocates nothing after the first time.
    pub(crate) fn evaluate<S: Real>(
        &self,
        at: &Frozen<'_, S>,
        kind: ProductKind,
        scratch: &mut Scratch<S>,
        values: &mut [S],
    ) -> Result<(), Error> {
        let length = at.product_length(kind);
        let Scratch { products, probe } = scratch;
        products.resize(length * self.lanes, S::zero());
        for (number, group) in self.groups.iter().enumerate() {
            let first = number * self.lanes;
            let wanted = first..self.products().min(first + self.lanes);
            let products = &mut products[..length * wanted.len()];
            let probed = self.probe().map(|direction| (self.count, direction));
            let combinations =
                Combinations { colours: &self.colours, wanted: wanted.clone(), probe: probed };
            at.combined_into(kind, &combinations, products)?;
            for gather in group {
                values[gather.position] =
                    products[gather.lane as usize * length + gather.component as usize];
            }
            if probed.is_some() && wanted.contains(&self.count) {
                probe.clear();
                probe.extend_from_slice(&products[(self.count - first) * length..]);
            }
        }
        Ok(())
    }
}

/// Components of random sign with magnitudes between ½ and 3/2, the same each time.
fn probe(length: usize) -> Vec<f64> {
    let mut state: u64 = 0x0DDB_1A5E_5BAD_5EED;
    (0..length)
        .map(|_| {
            // SplitMix64 (Steele, Lea and Flood 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            let magnitude = 0.5 + (z >> 11) as f64 / (1_u64 << 53) as f64;
            if z & 1 == 0 { magnitude } else { -magnitude }
        })
        .collect()
}
