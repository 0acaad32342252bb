//! The order of the house: folders are stages, and a folder imports only those before it.
//!
//! Read from the source: every `use` and every path that begins with `crate` or `super`, outside of tests, resolved through
//! re-exports to the file that defines what is named. Calls of methods import nothing and are not seen.

mod imports;
mod source;
mod surface;

use std::path::Path;

use imports::House;
use source::Sources;

/// A crate whose folders are stages: one row for each crate that has an order.
struct Plan {
    /// The folder of its source, from the root of the workspace.
    source: &'static str,
    /// Its folders, and files beside them, in order.
    stages: &'static [&'static str],
    /// Files that may name what comes later: each says why.
    knots: &'static [&'static str],
    /// Files that define each other, and say so.
    circles: &'static [&'static [&'static str]],
}

const PLANS: &[Plan] = &[
    Plan {
        source: "crates/autodiff/src",
        stages: &[
            "error",
            "parts",
            "pool",
            "array",
            "strided",
            "number",
            "kernel",
            "op",
            "program",
            "tape",
            "tensor",
            "rule",
            "transform",
            "compiled",
            "function",
            "interop",
        ],
        knots: &["number/knot.rs"],
        // A number is what has functions, and a function is stated over any number.
        circles: &[&[
            "number/elementary.rs",
            "number/functions/binary.rs",
            "number/functions/composed.rs",
            "number/functions/unary.rs",
            "number/kernels.rs",
            "number/planted.rs",
            "number/real.rs",
            "number/scalar.rs",
            "number/functions/special.rs",
        ]],
    },
    Plan {
        source: "crates/optimizers/src",
        stages: &[
            "curvature_matrix",
            "error",
            "check",
            "quantile",
            "linalg",
            "problem",
            "engine",
            "methods",
            "curvature",
            "interop",
        ],
        knots: &[],
        // An operator can be combined, inverted and asked for the ends of its spectrum, by what works with operators.
        circles: &[&[
            "linalg/eigenpairs.rs",
            "linalg/operator/combined.rs",
            "linalg/operator/diagonal.rs",
            "linalg/operator/inverse.rs",
            "linalg/operator/linear_operator.rs",
            "linalg/operator/minres.rs",
            "linalg/operator/spectral.rs",
            "linalg/probes.rs",
        ]],
    },
];

impl Plan {
    fn house(&self) -> House<'_> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.source);
        self.of(Sources::read(&root))
    }

    fn of(&self, sources: Sources) -> House<'_> {
        House::new(sources, self.stages, self.knots)
    }
}

#[test]
fn folders_import_only_those_before_them() {
    for plan in PLANS {
        let found = plan.house().against_the_order();
        assert!(found.is_empty(), "{}:\n{}", plan.source, found.join("\n"));
    }
}

#[test]
fn imports_name_modules_and_not_the_root_of_the_crate() {
    for plan in PLANS {
        let found = plan.house().through_the_root();
        assert!(found.is_empty(), "{}:\n{}", plan.source, found.join("\n"));
    }
}

#[test]
fn files_import_each_other_only_where_they_say_so() {
    for plan in PLANS {
        let found: Vec<_> =
            plan.house().circles().into_iter().filter(|c| !plan.allows(c)).collect();
        assert!(found.is_empty(), "{}:\n{}", plan.source, describe(&found));
    }
}

#[test]
fn each_folder_says_what_its_files_are() {
    for plan in PLANS {
        let found = plan.house().undescribed();
        assert!(found.is_empty(), "{}:\n{}", plan.source, found.join("\n"));
    }
}

/// What most programs need stands at the root of `autodiff`; the rest is in modules, by what it is for.
#[test]
fn the_root_of_autodiff_can_be_taken_in_at_a_glance() {
    let lib = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/autodiff/src/lib.rs");
    let names = surface::root_names(&std::fs::read_to_string(lib).expect("a file of source"));
    assert!((30..=45).contains(&names.len()), "{} names: {names:?}", names.len());
    assert!(names.iter().any(|name| name == "record"));
}

impl Plan {
    fn allows(&self, circle: &[(String, String)]) -> bool {
        self.circles.iter().any(|files| circle.iter().all(|(file, _)| files.contains(&&**file)))
    }
}

fn describe(circles: &[Vec<(String, String)>]) -> String {
    let lines = circles.iter().enumerate().flat_map(|(number, circle)| {
        circle.iter().map(move |(_, import)| format!("circle {}: {import}", number + 1))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A crate of two stages, with these lines in one file of the first.
fn planted(lines: &str) -> Sources {
    Sources::of(&[
        ("lib.rs", "mod low;\nmod high;\npub use low::Thing;"),
        (
            "low/mod.rs",
            "//! `a.rs`, `b.rs`\nmod a;\nmod b;\npub(crate) use a::A;\npub use b::Thing;",
        ),
        ("low/a.rs", &format!("pub(crate) struct A;\n{lines}")),
        ("low/b.rs", "use super::A;\npub struct Thing(A);"),
        ("high/mod.rs", "//! `c.rs`\nmod c;\npub(crate) use c::C;\nuse crate::low::A;"),
        ("high/c.rs", "pub(crate) struct C;"),
    ])
}

const TWO: Plan = Plan { source: "", stages: &["low", "high"], knots: &[], circles: &[] };

#[test]
fn what_is_in_order_passes() {
    let house = TWO.of(planted("#[cfg(test)]\nmod tests {\n    use crate::high::C;\n}"));
    assert!(house.against_the_order().is_empty());
    assert!(house.through_the_root().is_empty());
    assert!(house.circles().is_empty());
    assert!(house.undescribed().is_empty());
}

#[test]
fn a_later_stage_is_found_however_it_is_named() {
    for line in [
        "use crate::high::C;",
        "use crate::{high::C as D};",
        "fn f(_: &crate::high::C) {}",
        "use super::super::high;",
        "macro_rules! m { () => { $crate::high::C }; }",
        "fn f() { let _ = vec![crate::high::C]; }",
    ] {
        let found = TWO.of(planted(line)).against_the_order();
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(found[0].starts_with("low/a.rs:2: "), "{found:?}");
    }
}

#[test]
fn a_circle_is_found_through_a_re_export() {
    let circles = TWO.of(planted("use super::Thing;")).circles();
    assert_eq!(circles.len(), 1);
    let files: Vec<_> = circles[0].iter().map(|(file, _)| &**file).collect();
    assert_eq!(files, ["low/a.rs", "low/b.rs"]);
}

#[test]
fn an_import_through_the_root_is_found() {
    assert_eq!(TWO.of(planted("use crate::Thing;")).through_the_root().len(), 1);
}
