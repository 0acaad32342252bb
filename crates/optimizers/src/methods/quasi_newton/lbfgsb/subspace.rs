//! The minimum of the model over the variables that lie on no bound.

use dualtape_autodiff::Real;

use super::cauchy::CauchyPoint;
use crate::engine::Bounds;
use crate::linalg::{Pivots, SymmetricFactors, dot};
use crate::methods::quasi_newton::compact::CompactHessian;

/// From the Cauchy point to the minimum over its free variables, projected onto the bounds; stopped short at the first
/// bound instead if the projection leads uphill (Morales & Nocedal 2011, §3).
///
/// With `B = σI − W N⁻¹ Wᵀ`, the inverse of its block of free rows `Ŵ` is `I/σ + Ŵ (N − ŴᵀŴ/σ)⁻¹ Ŵᵀ/σ²` (Sherman, Morrison &
/// Woodbury). `None` if factors are not finite.
pub(super) fn minimize<S: Real>(
    model: &CompactHessian<'_, S>,
    bounds: &Bounds<S>,
    x: &[S],
    gradient: &[S],
    cauchy: CauchyPoint<S>,
) -> Option<Vec<S>> {
    let free = bounds.free(&cauchy.x);
    if free.is_empty() {
        return Some(cauchy.x);
    }
    let newton = newton_step(model, &free, x, gradient, &cauchy)?;
    let mut target = cauchy.x.clone();
    free.iter().zip(&newton).for_each(|(&i, &d)| target[i] += d);
    bounds.project(&mut target);
    let uphill = (0..x.len()).fold(S::zero(), |sum, i| sum + gradient[i] * (target[i] - x[i]));
    if uphill >= S::zero() {
        let mut direction = vec![S::zero(); x.len()];
        free.iter().zip(&newton).for_each(|(&i, &d)| direction[i] = d);
        let length = bounds.room(&cauchy.x, &direction).min(S::one());
        target = cauchy.x;
        target.iter_mut().zip(&direction).for_each(|(t, &d)| *t += length * d);
        bounds.project(&mut target);
    }
    Some(target)
}

/// `−B̂⁻¹ r` with the gradient `r = g + B (x_c − x)` of the model at the Cauchy point.
fn newton_step<S: Real>(
    model: &CompactHessian<'_, S>,
    free: &[usize],
    x: &[S],
    gradient: &[S],
    cauchy: &CauchyPoint<S>,
) -> Option<Vec<S>> {
    let (rank, sigma) = (model.rank(), model.sigma());
    let mut bent = cauchy.projection.clone();
    model.solve_middle(&mut bent);
    // The free rows of W one after the other.
    let mut rows = vec![S::zero(); free.len() * rank];
    let mut gram = model.middle();
    let mut image = vec![S::zero(); rank];
    let mut residual = Vec::with_capacity(free.len());
    for (k, &i) in free.iter().enumerate() {
        let row = &mut rows[k * rank..][..rank];
        model.row(i, row);
        let r = gradient[i] + sigma * (cauchy.x[i] - x[i]) - dot(row, &bent);
        residual.push(r);
        image.iter_mut().zip(&*row).for_each(|(image, &w)| *image += r * w);
        for (line, &w) in gram.chunks_exact_mut(rank.max(1)).zip(&*row) {
            let w = w / sigma;
            line.iter_mut().zip(&*row).for_each(|(entry, &v)| *entry -= w * v);
        }
    }
    if rank > 0 {
        SymmetricFactors::new(rank, &gram, Pivots::Exact)?.solve_in_place(&mut image);
    }
    let step = |(k, &r): (usize, &S)| -(r + dot(&rows[k * rank..][..rank], &image) / sigma) / sigma;
    Some(residual.iter().enumerate().map(step).collect())
}
