//! Losses of scores of classes, of which one is right: cross entropy, negative log-likelihood, the hinge of several classes.

use dualtape_autodiff::{Array, Real, Tensor, Var, c};

use super::shapes::{factors, require_option};
use super::terms::Terms;

/// What the losses of classes have in common.
#[derive(Clone, Debug, Default, PartialEq)]
struct Classes {
    weights: Option<Vec<f64>>,
    ignored: Option<i64>,
    axis: Option<usize>,
}

/// What the labels pick from the scores.
struct Picked<'t, S: Real> {
    /// The score of the right class.
    score: Tensor<'t, S>,
    /// 1 for the labels that count, else 0, if not all do.
    kept: Option<Tensor<'t, S>>,
    /// The labels, with those that do not count replaced by 0.
    labels: Tensor<'t, S>,
    /// The weights of the right classes, if there are any.
    weights: Option<Tensor<'t, S>>,
}

impl Classes {
    /// The axis of the classes: 1 unless told otherwise, as in `[batch, classes, …]`.
    #[track_caller]
    fn axis<S: Real>(
        &self,
        loss: &'static str,
        scores: Tensor<'_, S>,
        target: Tensor<'_, S>,
    ) -> Option<usize> {
        let axis = self.axis.unwrap_or(scores.rank().saturating_sub(1).min(1));
        let classes = scores.shape().get(axis).copied().unwrap_or(0);
        if classes < 2 {
            let needs = format!("at least two classes along axis {axis}");
            scores.tape().refuse(loss, &[scores.shape(), target.shape()], &needs);
            return None;
        }
        Some(axis)
    }

    /// Each class's weight, in a shape that broadcasts to the scores.
    #[track_caller]
    fn weigh<'t, S: Real>(
        &self,
        loss: &'static str,
        scores: Tensor<'t, S>,
        axis: usize,
    ) -> Tensor<'t, S> {
        match &self.weights {
            Some(weights) => scores * factors(loss, scores, axis, weights),
            None => scores,
        }
    }

    /// The scores, with 0 in place of what those hold whose label does not count.
    #[track_caller]
    fn counted<'t, S: Real>(
        &self,
        scores: Tensor<'t, S>,
        axis: usize,
        target: Tensor<'t, S>,
    ) -> Tensor<'t, S> {
        let mut rows = scores.shape().to_vec();
        rows.remove(axis);
        match self.ignored {
            Some(ignored) if rows == target.shape() => {
                target.ne(c(ignored as f64)).keep_axis(axis).where_cond(scores, S::zero())
            }
            _ => scores,
        }
    }

    /// The scores of the classes that `labels` name; `None`, and an error on the tape, if shapes do not fit.
    #[track_caller]
    fn pick<'t, S: Real>(
        &self,
        loss: &'static str,
        scores: Tensor<'t, S>,
        axis: usize,
        labels: Tensor<'t, S>,
    ) -> Option<Picked<'t, S>> {
        let shapes = [scores.shape(), labels.shape()];
        let mut rows = scores.shape().to_vec();
        rows.remove(axis);
        if rows != labels.shape() {
            let needs = format!(
                "targets of one shape with the prediction, or one label for each place, of shape {rows:?}"
            );
            scores.tape().refuse(loss, &shapes, &needs);
            return None;
        }
        let kept = self.ignored.map(|ignored| labels.ne(c(ignored as f64)));
        let labels = kept.map_or(labels, |kept| kept.where_cond(labels, S::zero()));
        let score = scores.gather(axis, labels.keep_axis(axis)).reshape(&rows);
        let classes = scores.shape()[axis];
        let weights = self.weights.as_ref().map(|weights| {
            let row = factors(loss, scores, axis, weights);
            row.broadcast(&single_axis(scores.rank(), axis, classes)).reshape(&[classes])
        });
        let weights = weights.map(|weights| weights.take(0, labels));
        Some(Picked { score, kept, labels, weights })
    }
}

/// A shape of ones but for one axis.
fn single_axis(rank: usize, axis: usize, length: usize) -> Vec<usize> {
    (0..rank).map(|i| if i == axis { length } else { 1 }).collect()
}

impl<'t, S: Real> Picked<'t, S> {
    /// Terms of which those that do not count are 0, with weights as they are to count in the mean.
    #[track_caller]
    fn terms(self, each: Tensor<'t, S>) -> Terms<'t, S> {
        let keep = |x: Tensor<'t, S>| self.kept.map_or(x, |kept| kept.where_cond(x, S::zero()));
        match self.weights.map(keep).or(self.kept) {
            Some(weights) => Terms::with_weights(keep(each), weights),
            None => Terms::new(each),
        }
    }

    #[track_caller]
    fn weigh(&self, each: Tensor<'t, S>) -> Tensor<'t, S> {
        self.weights.map_or(each, |weights| each * weights)
    }
}

/// The cross entropy of target classes or distributions relative to the softmax of logits.
///
/// With `log p = log_softmax(z)`, class weights `w` and smoothing `ε` over `C` classes, a label `y` has the term
/// `−(1−ε)·w_y·log p_y − (ε/C)·Σ_c w_c·log p_c`, and a distribution `t` the term `−Σ_c w_c·((1−ε)·t_c + ε/C)·log p_c`.
/// As in PyTorch, the mean divides by the sum of `w_y` over the labels that count, and for distributions by their number.
///
/// # Shape
///
/// Logits `[batch, classes, …]`; targets of the same shape are distributions, such as [one-hot](crate::one_hot) ones;
/// targets `[batch, …]` are labels, whole numbers from 0. Other shapes are an error that the tape keeps, and so is a label
/// that is no class, at every evaluation.
///
/// Where a class is impossible (logit −∞), use labels: a distribution would have a term `0·∞`.
///
/// Source of the smoothing: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, "Rethinking the Inception architecture" (2016).
///
/// # Example
///
/// ```
/// use dualtape_layers::{Activation, CrossEntropy, Dataset, mlp, supervised, table};
///
/// let inputs = table(&[[0.1, 0.2], [0.4, -0.3], [0.5, 0.5]])?;
/// let data = Dataset::labelled(inputs, &[0, 2, 1], 3)?;
/// let loss = CrossEntropy::new().label_smoothing(0.1).class_weights(&[1.0, 2.0, 0.5]);
/// let objective = supervised(mlp(&[2, 4, 3], Activation::Tanh), &data, move |z, t| {
///     loss.terms(z, t).mean()
/// })?;
/// assert!((objective.value(&vec![0.0; objective.dim()])? - 3.0_f64.ln()).abs() < 0.05);
/// # Ok::<(), dualtape_layers::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    classes: Classes,
    smoothing: f64,
    log_probabilities: bool,
}

impl CrossEntropy {
    /// Of logits, without smoothing, weights or labels to be ignored.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same loss, with a factor for each class.
    ///
    /// With integer labels, [`Terms::mean`] divides by the sum of the factors of the labels.
    pub fn class_weights(mut self, weights: &[f64]) -> Self {
        self.classes.weights = Some(weights.to_vec());
        self
    }

    /// The same loss, without the examples that have this integer label, which may be any whole number: PyTorch's is
    /// −100. By default a label that is no class is refused. What such an example holds, NaN included, has no influence.
    pub fn ignore_index(mut self, label: i64) -> Self {
        self.classes.ignored = Some(label);
        self
    }

    /// The same loss, with the classes on this axis: 2 for sequences `[batch, time, classes]`. The default is axis 1, as
    /// in `[batch, classes, …]`, and 0 for a single vector of scores.
    pub fn class_axis(mut self, axis: usize) -> Self {
        self.classes.axis = Some(axis);
        self
    }

    /// The same loss, with a share `ε` in `[0, 1]` of each target spread evenly over all classes.
    pub fn label_smoothing(mut self, share: f64) -> Self {
        self.smoothing = share;
        self
    }

    /// The same loss of log-probabilities that the model computes itself, in place of logits: the negative log-likelihood.
    ///
    /// # Example
    ///
    /// ```
    /// use dualtape_autodiff::{Array, Tape};
    /// use dualtape_layers::CrossEntropy;
    ///
    /// let tape = Tape::new();
    /// let log_p = tape.constant(&Array::new(&[2, 2], vec![-0.5, -1.0, -2.0, -0.25])?);
    /// let labels = tape.constant(&Array::vector(vec![1.0, -100.0]));
    /// let loss = CrossEntropy::new().of_log_probabilities().ignore_index(-100);
    /// assert_eq!(loss.terms(log_p, labels).mean().value(), 1.0);
    /// # Ok::<(), dualtape_autodiff::Error>(())
    /// ```
    #[doc(alias = "nll_loss")]
    pub fn of_log_probabilities(mut self) -> Self {
        self.log_probabilities = true;
        self
    }

    /// One term for each label or distribution.
    #[track_caller]
    pub fn terms<'t, S: Real>(&self, logits: Tensor<'t, S>, target: Tensor<'t, S>) -> Terms<'t, S> {
        let loss = if self.log_probabilities { "negative_log_likelihood" } else { "cross_entropy" };
        let smoothing = self.smoothing;
        let valid = (0.0..=1.0).contains(&smoothing);
        require_option(logits, loss, valid, "a label smoothing in [0, 1]", smoothing);
        let Some(axis) = self.classes.axis(loss, logits, target) else { return Terms::new(logits) };
        let logits = self.classes.counted(logits, axis, target);
        let log_p = if self.log_probabilities { logits } else { logits.log_softmax(axis) };
        let share = smoothing / logits.shape()[axis] as f64;

        if logits.shape() == target.shape() {
            if self.classes.ignored.is_some() {
                let needs = "integer labels, as one of them is to be ignored";
                logits.tape().refuse(loss, &[logits.shape(), target.shape()], needs);
            }
            let smooth = target * c(1.0 - smoothing) + c(share);
            let target = if smoothing == 0.0 { target } else { smooth };
            let weighted = self.classes.weigh(loss, log_p, axis);
            return Terms::new(-(target * weighted).sum_axis(axis));
        }
        let Some(picked) = self.classes.pick(loss, log_p, axis, target) else {
            return Terms::new(logits);
        };
        let right = picked.weigh(-picked.score);
        if smoothing == 0.0 {
            return picked.terms(right);
        }
        let all = self.classes.weigh(loss, log_p, axis).sum_axis(axis);
        picked.terms(right * c(1.0 - smoothing) - all * c(share))
    }
}

/// The mean [cross entropy](CrossEntropy) of target classes or distributions relative to the softmax of the logits:
/// `−Σ target·log softmax(logits) / batch`.
///
/// The logarithm of the softmax is formed as one operation, so logits of any finite size are safe.
///
/// # Shape
///
/// Logits `[batch, classes, …]`; targets of the same shape are distributions, most often [one-hot](crate::one_hot) ones;
/// targets `[batch, …]` are integer labels. Other shapes are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::cross_entropy;
///
/// let tape = Tape::new();
/// let logits = tape.constant(&Array::new(&[2, 2], vec![1e4, -1e4, 0.0, 0.0])?);
/// let target = tape.constant(&Array::new(&[2, 2], vec![0.0, 1.0, 1.0, 0.0])?);
/// assert_eq!(cross_entropy(logits, target).value(), (2e4 + 2.0_f64.ln()) / 2.0);
///
/// let labels = tape.constant(&Array::vector(vec![1.0, 0.0]));
/// assert_eq!(cross_entropy(logits, labels).value(), (2e4 + 2.0_f64.ln()) / 2.0);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
pub fn cross_entropy<'t, S: Real>(logits: Tensor<'t, S>, target: Tensor<'t, S>) -> Var<'t, S> {
    CrossEntropy::new().terms(logits, target).mean()
}

/// The mean negative log-likelihood `−log p_y` of labels `y` under log-probabilities that the model computes itself; with
/// options, [`CrossEntropy::of_log_probabilities`].
///
/// # Shape
///
/// Log-probabilities `[batch, classes, …]` and labels `[batch, …]`; others are an error that the tape keeps.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::negative_log_likelihood;
///
/// let tape = Tape::new();
/// let log_p = tape.constant(&Array::new(&[2, 2], vec![-0.5, -1.0, -2.0, -0.25])?);
/// let labels = tape.constant(&Array::vector(vec![1.0, 0.0]));
/// assert_eq!(negative_log_likelihood(log_p, labels).value(), 1.5);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[track_caller]
#[doc(alias = "nll_loss")]
pub fn negative_log_likelihood<'t, S: Real>(
    log_p: Tensor<'t, S>,
    labels: Tensor<'t, S>,
) -> Var<'t, S> {
    CrossEntropy::new().of_log_probabilities().terms(log_p, labels).mean()
}

/// The hinge loss of several classes: `w_y·Σ_{c≠y} max(0, margin − z_y + z_c) / C`, which asks the right class to score
/// `margin` above each other one.
///
/// As PyTorch's `MultiMarginLoss`, weights do not count in the mean. Source: Crammer & Singer, JMLR 2 (2001); here the
/// sum over the other classes in place of their maximum (Weston & Watkins, 1999).
///
/// # Shape
///
/// Scores `[batch, classes, …]` and labels `[batch, …]`, whole numbers from 0.
///
/// # Example
///
/// ```
/// use dualtape_autodiff::{Array, Tape};
/// use dualtape_layers::MulticlassHinge;
///
/// let tape = Tape::new();
/// let scores = tape.constant(&Array::new(&[1, 3], vec![2.0, 1.5, -3.0])?);
/// let labels = tape.constant(&Array::vector(vec![0.0]));
/// assert_eq!(MulticlassHinge::new().terms(scores, labels).mean().value(), 0.5 / 3.0);
/// # Ok::<(), dualtape_autodiff::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MulticlassHinge {
    classes: Classes,
    margin: f64,
}

impl Default for MulticlassHinge {
    fn default() -> Self {
        Self { classes: Classes::default(), margin: 1.0 }
    }
}

impl MulticlassHinge {
    /// With margin 1, without weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same loss, with a factor for each class. It does not count in the mean.
    pub fn class_weights(mut self, weights: &[f64]) -> Self {
        self.classes.weights = Some(weights.to_vec());
        self
    }

    /// The same loss, with this margin.
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// One term for each label.
    #[track_caller]
    pub fn terms<'t, S: Real>(&self, scores: Tensor<'t, S>, labels: Tensor<'t, S>) -> Terms<'t, S> {
        const LOSS: &str = "multiclass hinge";
        require_option(scores, LOSS, self.margin.is_finite(), "a finite margin", self.margin);
        let Some(axis) = self.classes.axis(LOSS, scores, labels) else { return Terms::new(scores) };
        let Some(picked) = self.classes.pick(LOSS, scores, axis, labels) else {
            return Terms::new(scores);
        };
        let classes = scores.shape()[axis];
        let numbers = Array::vector((0..classes).map(|class| S::constant(class as f64)).collect());
        let numbers = scores.constant(&numbers);
        let numbers = numbers.reshape(&single_axis(scores.rank(), axis, classes));
        let short = (scores - picked.score.keep_axis(axis) + c(self.margin)).relu();
        let others = picked.labels.keep_axis(axis).eq(numbers).where_cond(S::zero(), short);
        let each = picked.weigh(others.sum_axis(axis) / c(classes as f64));
        Terms::new(each)
    }
}
