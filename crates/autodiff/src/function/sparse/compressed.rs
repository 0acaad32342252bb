//! Compressed evaluation: products with sums of unit vectors, several at a time, and the entries read from them.

use std::sync::Arc;

use super::colouring::Colouring;
use super::pattern::SparsityPattern;
use crate::compiled::{Careful, Evaluated, Product, ProductKind, Stage};
use crate::error::Error;
use crate::number::Real;
use crate::program::{Arguments, Coefficients};

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
    coefficients: Coefficients<S>,
    four: Vec<[S; 4]>,
    eight: Vec<[S; 8]>,
    /// The products of one group, component by component.
    products: Vec<S>,
    direction: Vec<S>,
    /// The product with the probe.
    pub probe: Vec<S>,
}

impl Compression {
    /// For products through a program on scalars, several directions are taken at once.
    pub(crate) fn new(
        product: &Product,
        pattern: &SparsityPattern,
        colouring: Colouring,
        probed: bool,
        place: impl Fn(usize, usize) -> Place,
    ) -> Self {
        let Colouring { colours, count } = colouring;
        let products = count + usize::from(probed);
        let lanes = match (product.linear.is_some(), products) {
            (false, _) => 1,
            (true, ..=4) => 4,
            (true, _) => 8,
        };
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

    /// Writes the entries at the point where a stage is frozen, from products of the given number. Allocates nothing after
    /// the first time.
    pub(crate) fn evaluate<S: Real>(
        &self,
        run: &mut Evaluated<S>,
        kind: ProductKind,
        point: &[S],
        scratch: &mut Scratch<S>,
        values: &mut [S],
    ) -> Result<(), Error> {
        let stage = Arc::clone(&run.stage);
        let product = stage.product(kind);
        scratch.products.resize(product.length * self.lanes, S::zero());
        if let Some(linear) = &product.linear {
            linear.freeze(&stage.program, &run.workspace.values, &mut scratch.coefficients);
        }
        for (number, group) in self.groups.iter().enumerate() {
            let first = number * self.lanes;
            self.multiply(first, run, &stage, product, point, scratch)?;
            let Scratch { products, probe, .. } = &mut *scratch;
            for gather in group {
                let lane = gather.component as usize * self.lanes + gather.lane as usize;
                values[gather.position] = products[lane];
            }
            if self.probe.is_some() && self.count / self.lanes == number {
                probe.clear();
                probe.extend(products.iter().skip(self.count - first).step_by(self.lanes));
            }
        }
        Ok(())
    }

    /// As [`evaluate`](Self::evaluate), where products are indeterminate.
    pub(crate) fn evaluate_carefully<S: Real>(
        &self,
        at: &Careful<'_, S>,
        kind: ProductKind,
        scratch: &mut Scratch<S>,
        values: &mut [S],
    ) -> Result<(), Error> {
        for colour in 0..self.products() {
            let seeds: Vec<S> = (0..self.colours.len()).map(|i| self.seed(colour, i)).collect();
            let product = at.product(kind, &seeds)?;
            if colour == self.count {
                scratch.probe = product;
                continue;
            }
            for gather in &self.groups[colour / self.lanes] {
                if gather.lane as usize == colour % self.lanes {
                    values[gather.position] = product[gather.component as usize];
                }
            }
        }
        Ok(())
    }

    /// The products with one group of directions.
    fn multiply<S: Real>(
        &self,
        first: usize,
        run: &mut Evaluated<S>,
        stage: &Stage<S>,
        product: &Product,
        point: &[S],
        scratch: &mut Scratch<S>,
    ) -> Result<(), Error> {
        let Scratch { coefficients, four, eight, products, direction, .. } = scratch;
        let values = &run.workspace.values;
        match (&product.linear, self.lanes) {
            (Some(linear), 4) => linear.apply(
                coefficients,
                values,
                four,
                |i| self.seeds::<S, 4>(first, i),
                |i, lanes| products[i * 4..(i + 1) * 4].copy_from_slice(&lanes),
            ),
            (Some(linear), _) => linear.apply(
                coefficients,
                values,
                eight,
                |i| self.seeds::<S, 8>(first, i),
                |i, lanes| products[i * 8..(i + 1) * 8].copy_from_slice(&lanes),
            ),
            (None, _) => {
                direction.resize(stage.direction_length(), S::zero());
                for (i, x) in direction[product.direction.clone()].iter_mut().enumerate() {
                    *x = self.seed(first, i);
                }
                let arguments = Arguments { point, direction, data: &run.data };
                let (program, plan) = (&stage.program, &stage.plan);
                for part in &product.parts {
                    run.workspace.run(program, plan, arguments, part.clone());
                    run.workspace.check_results()?;
                }
                let outputs = product.outputs.clone();
                run.workspace.copy_outputs(program, plan, arguments, outputs, products);
            }
        }
        Ok(())
    }

    /// Component `i` of the directions from number `first` on.
    fn seeds<S: Real, const K: usize>(&self, first: usize, i: usize) -> [S; K] {
        std::array::from_fn(|lane| self.seed(first + lane, i))
    }

    /// Component `i` of direction `number`.
    fn seed<S: Real>(&self, number: usize, i: usize) -> S {
        if self.colours[i] as usize == number {
            return S::one();
        }
        match &self.probe {
            Some(probe) if number == self.count => S::constant(probe[i]),
            _ => S::zero(),
        }
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
