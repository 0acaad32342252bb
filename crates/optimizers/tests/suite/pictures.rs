//! Drawings: whole, and without coordinates that are none.

use dualtape_autodiff::record;
use dualtape_optimizers::{
    CurvatureInspection, Error, LossCurve, LossSurface, Picture, StochasticLanczos, prelude::*,
};

/// Fails unless the drawing is closed, balanced and finite.
fn check(svg: &str) {
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    for word in ["NaN", "inf", "-2147483648", "2147483647"] {
        assert!(!svg.contains(word), "{word}");
    }
    assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
}

#[test]
fn all_panels_of_a_network_sized_problem() {
    let x: Vec<f64> = (0..60).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let f = record(&x)
        .function(|x| {
            let terms = x.windows(2).map(|p| (p[0] * p[1]).sin() + (p[0] - p[1] * 0.5).powi(4));
            terms.fold(x[0] * 0.0, |sum, term| sum + term)
        })
        .unwrap();
    let at = Objective::linearize(&f, &x).unwrap();
    let report = CurvatureInspection::new("a chain").inspect(at.hessian()).unwrap();
    let (up, down) = (&report.extremes.largest[0], &report.extremes.smallest[0]);
    assert!(down.value < 0.0);
    let curves =
        [up, down].map(|pair| LossCurve::along_eigenvector(&f, &x, pair, 0.5, 31).unwrap());
    // Near the point the parabola is the function.
    for curve in &curves {
        let model = curve.model.as_ref().unwrap();
        assert!((curve.losses[16] - model[16]).abs() < 1e-3 * (1.0 + model[16].abs()));
    }
    let surface = LossSurface::around(&f, &x, [&up.vector, &down.vector], 0.5, 21).unwrap();
    let svg = Picture::new("a chain <of> 60 & more")
        .density(&report.density)
        .eigenvalues(&report.extremes)
        .curves(&curves)
        .surface(&surface)
        .histories([("first", vec![1.0, 0.1, 1e-9]), ("second", vec![2.0, f64::NAN, 0.0])])
        .to_svg()
        .unwrap();
    check(&svg);
    for words in ["spectral density", "95 % band", "negative", "positive", "eigenvalue", "training"]
    {
        assert!(svg.contains(words), "{words}");
    }
    assert!(svg.matches("<rect").count() > 21 * 21);
}

#[test]
fn what_cannot_be_drawn_is_left_out() {
    let f = record(&[1.0]).function(|x| x[0].ln()).unwrap();
    let curve = LossCurve::along("downwards", &f, &[1.0], &[1.0], 2.0, 9).unwrap();
    assert!(curve.losses[0].is_nan() && curve.model.is_none());
    let surface = LossSurface::around(&f, &[1.0], [&[1.0], &[1.0]], 2.0, 5).unwrap();
    let at = Objective::linearize(&f, &[1.0]).unwrap();
    let density = StochasticLanczos::default().density(at.hessian()).unwrap();
    let curves = [curve];
    let picture = Picture::new("").curves(&curves).surface(&surface).density(&density);
    check(&picture.to_svg().unwrap());
    check(&Picture::new("nothing").to_svg().unwrap());
    check(&Picture::new("no runs").histories(Vec::<(String, Vec<f64>)>::new()).to_svg().unwrap());
    let refused = Picture::new("").save("/nowhere/at/all.svg").unwrap_err();
    assert!(matches!(refused, Error::Drawing { .. }) && refused.to_string().contains("/nowhere"));
}

#[test]
fn one_probe_gives_a_density_without_a_band() {
    let x = [0.4; 50];
    let f = record(&x)
        .function(|x| {
            x.iter()
                .enumerate()
                .map(|(i, &x)| x.powi(4) * (1.0 + i as f64))
                .fold(x[0] * 0.0, |a, b| a + b)
        })
        .unwrap();
    let at = Objective::linearize(&f, &x).unwrap();
    let density = StochasticLanczos::default().probes(1).density(at.hessian()).unwrap();
    assert!(density.upper.iter().any(|upper| upper.is_infinite()));
    let svg = Picture::new("one").density(&density).to_svg().unwrap();
    check(&svg);
    assert!(!svg.contains("band"));
}
