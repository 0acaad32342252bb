//! The training curves as one SVG.

use std::error::Error;
use std::path::Path;

use crate::curves::{Curves, svg};
use crate::run::{Run, State, Work};

/// Draws the loss of every run, against wall time on the left and against work on the right.
pub fn draw(runs: &[Run], path: &Path) -> Result<(), Box<dyn Error>> {
    let written = render(runs).and_then(|text| Ok(std::fs::write(path, text)?));
    written.map_err(|error| format!("cannot draw {}: {error}", path.display()).into())
}

fn render(runs: &[Run]) -> Result<String, Box<dyn Error>> {
    let work =
        format!("work (gradient-equivalents: gradient 1, Hessian-vector product {})", Work::HVP);
    let time = panel("Handwritten digits: loss by time", "wall time (s)", runs, |s| s.seconds);
    let work = panel("Loss by work", &work, runs, |s| s.work.gradient_equivalents());
    svg(1280, &[(640, vec![&time, &work])])
}

fn panel(title: &str, x_title: &str, runs: &[Run], x: impl Fn(&State) -> f64) -> Curves {
    let points = |run: &Run| run.curve.iter().map(|state| (x(state), state.loss)).collect();
    Curves {
        title: title.into(),
        x_title: x_title.into(),
        y_title: "loss".into(),
        curves: runs.iter().map(|run| (run.name.clone(), points(run))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run through these seconds, gradients and losses.
    fn run(name: &str, points: &[(f64, f64, f64)]) -> Run {
        let state = |&(seconds, gradients, loss): &(f64, f64, f64)| {
            let work = Work { gradients, ..Work::default() };
            State { iteration: 0, seconds, work, loss, gradient_norm: 1e-3 }
        };
        Run {
            name: name.into(),
            curve: points.iter().map(state).collect(),
            end: state(&(1.0, 2.0, 0.1)),
            train_accuracy: 1.0,
            held_out_accuracy: 0.9,
            verdict: String::new(),
        }
    }

    #[test]
    fn every_run_is_drawn_in_both_panels_with_legend_and_units() {
        let runs = [
            run("network, Adam", &[(0.1, 1.0, 2.0), (0.2, 2.0, 1.0)]),
            run("network, Newton-CG", &[(0.3, 9.0, 0.5), (0.4, 99.0, 0.05)]),
        ];
        let text = render(&runs).unwrap();
        for words in ["network, Adam", "network, Newton-CG", "loss"] {
            let shown = text.lines().filter(|&line| line == words).count();
            assert_eq!(shown, 2, "{words}");
        }
        assert!(text.contains("wall time (s)") && text.contains("Hessian-vector product 2"));
        for colour in ["#0072B2", "#D55E00"] {
            let lines =
                text.lines().filter(|line| line.starts_with("<polyline") && line.contains(colour));
            assert_eq!(lines.count(), 4, "two panels, each with a curve and a line in the legend");
        }
    }
}
