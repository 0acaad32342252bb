//! Imports between the files of a crate, against an order of its folders.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Import, Module, Sources};

/// The files of a crate, and the order they are to keep.
pub struct House<'a> {
    sources: Sources,
    stages: &'a [&'a str],
    knots: &'a [&'a str],
}

/// Where a path leads: a module, and the name of what it defines, if that is more than the module.
struct Place {
    module: Vec<String>,
    name: Option<String>,
}

/// For each module those it imports, with one such import each.
type Arrows<'a> = BTreeMap<&'a [String], BTreeMap<Vec<String>, String>>;

impl<'a> House<'a> {
    pub fn new(sources: Sources, stages: &'a [&'a str], knots: &'a [&'a str]) -> Self {
        Self { sources, stages, knots }
    }

    /// Imports of a later stage, by the folder that is named or by the one that defines what is named.
    pub fn against_the_order(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (path, module) in self.files() {
            let Some(own) = self.stage(path) else {
                found.push(format!("{}: no stage", module.file));
                continue;
            };
            for import in &module.imports {
                let named = self.absolute(path, &import.path);
                let place = self.resolve(path, &import.path);
                let stages = [named.as_deref(), place.as_ref().map(|place| &place.module[..])];
                let latest = stages.into_iter().flatten().filter_map(|path| self.stage(path)).max();
                if let Some(latest) = latest.filter(|&latest| latest > own) {
                    let (own, latest) = (self.stages[own], self.stages[latest]);
                    found.push(format!(
                        "{}: `{own}` imports `{latest}`, a later stage",
                        at(module, import)
                    ));
                }
            }
        }
        found
    }

    /// Imports of what the root of the crate hands on.
    pub fn through_the_root(&self) -> Vec<String> {
        let is_root = |import: &&Import| {
            import.is_use
                && matches!(&import.path[..], [first, name, ..] if first == "crate" && self.stage_of(name).is_none())
        };
        let files = self.files();
        files
            .flat_map(|(_, module)| {
                module.imports.iter().filter(is_root).map(|import| at(module, import))
            })
            .collect()
    }

    /// The circles of files that import each other: each file with an import that keeps it in the circle.
    pub fn circles(&self) -> Vec<Vec<(String, String)>> {
        let mut arrows = Arrows::new();
        for (path, module) in self.files() {
            let arrows = arrows.entry(path).or_default();
            // What a folder hands on is no import of its own.
            for import in module.imports.iter().filter(|import| !import.hands_on) {
                if let Some(place) = self.resolve(path, &import.path)
                    && place.module != *path
                    && !place.module.is_empty()
                {
                    arrows.entry(place.module).or_insert_with(|| at(module, import));
                }
            }
        }
        let reach: BTreeMap<&[String], BTreeSet<&[String]>> =
            arrows.keys().map(|&path| (path, reached(&arrows, path))).collect();
        let mut circles: BTreeMap<&[String], Vec<(String, String)>> = BTreeMap::new();
        for (&path, seen) in &reach {
            let together =
                |other: &&[String]| reach.get(*other).is_some_and(|back| back.contains(path));
            if !seen.contains(path) {
                continue;
            }
            let Some(first) = seen.iter().copied().find(together) else { continue };
            let import = arrows[path]
                .iter()
                .find(|(to, _)| together(&&to[..]))
                .map(|(_, import)| import.clone());
            let file = self.sources.modules[path].file.clone();
            circles.entry(first).or_default().push((file, import.unwrap_or_default()));
        }
        circles.into_values().collect()
    }

    /// Files that the comment at the top of their folder does not name.
    pub fn undescribed(&self) -> Vec<String> {
        let files = self.files().filter_map(|(path, module)| {
            let (name, folder) = path.split_last()?;
            let header = &self.sources.modules.get(folder).filter(|_| !folder.is_empty())?.header;
            let (file, folder) = (format!("`{name}.rs`"), format!("`{name}/`"));
            (!header.contains(&file) && !header.contains(&folder)).then(|| module.file.clone())
        });
        files.collect()
    }

    /// The files that keep the order: all but the root and the knots.
    fn files(&self) -> impl Iterator<Item = (&Vec<String>, &Module)> {
        let modules = self.sources.modules.iter();
        modules.filter(|(path, module)| !path.is_empty() && !self.knots.contains(&&*module.file))
    }

    fn stage(&self, path: &[String]) -> Option<usize> {
        self.stage_of(path.first()?)
    }

    fn stage_of(&self, name: &str) -> Option<usize> {
        self.stages.iter().position(|stage| *stage == name)
    }

    /// A path as written, from the root; `None` if it leads out of the crate.
    fn absolute(&self, from: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut base = from.to_vec();
        match &**first {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&base, rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|segment| *segment == "super").count();
                base.truncate(base.len().saturating_sub(ups));
                Some([&base, &path[ups..]].concat())
            }
            name if self
                .sources
                .modules
                .contains_key(&[&base[..], &[name.to_string()]].concat()) =>
            {
                Some([&base, path].concat())
            }
            _ => None,
        }
    }

    /// Where a path leads, through re-exports; `None` if out of the crate.
    fn resolve(&self, from: &[String], path: &[String]) -> Option<Place> {
        let path = match self.absolute(from, path) {
            Some(path) => path,
            // A name that an import binds.
            None => {
                let module = self.sources.modules.get(from)?;
                let bound = module.names.get(path.first()?).filter(|bound| bound[0] != path[0])?;
                self.absolute(from, &[bound, &path[1..]].concat())?
            }
        };
        let mut place = Place { module: Vec::new(), name: None };
        for (number, name) in path.iter().enumerate() {
            let module = self.sources.modules.get(&place.module)?;
            let child = [&place.module[..], std::slice::from_ref(name)].concat();
            let is_last = number + 1 == path.len();
            let handed_on =
                module.names.get(name).filter(|to| to.len() > 1 && !self.is_knot(module));
            match handed_on {
                Some(to) if is_last || !self.sources.modules.contains_key(&child) => {
                    return self.resolve(&place.module, &[to, &path[number + 1..]].concat());
                }
                _ if self.sources.modules.contains_key(&child) => place.module = child,
                _ => {
                    place.name = Some(name.clone());
                    return Some(place);
                }
            }
        }
        Some(place)
    }

    fn is_knot(&self, module: &Module) -> bool {
        self.knots.contains(&&*module.file)
    }
}

fn at(module: &Module, import: &Import) -> String {
    format!("{}:{}: {}", module.file, import.line, import.path.join("::"))
}

/// The modules that imports lead to from one, in any number of steps.
fn reached<'a>(arrows: &'a Arrows<'_>, from: &'a [String]) -> BTreeSet<&'a [String]> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(path) = open.pop() {
        let next = arrows.get(path).into_iter().flat_map(BTreeMap::keys);
        open.extend(next.map(Vec::as_slice).filter(|&path| seen.insert(path)));
    }
    seen
}
