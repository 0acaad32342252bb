//! The modules of a crate: what each defines, hands on and imports.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// The files of a crate by their paths from the root of its source.
pub struct Sources {
    pub modules: BTreeMap<Vec<String>, Module>,
}

/// One file.
#[derive(Default)]
pub struct Module {
    pub file: String,
    /// The comment at its top.
    pub header: String,
    pub defined: Vec<String>,
    /// Names that others may take from here though they are defined elsewhere, and the names of imports: each with its path.
    pub names: BTreeMap<String, Vec<String>>,
    pub imports: Vec<Import>,
    /// Modules declared for tests alone.
    tests: Vec<String>,
}

/// A path written in a file, outside of tests.
pub struct Import {
    pub path: Vec<String>,
    pub line: usize,
    /// Whether it stands in a `use`.
    pub is_use: bool,
    /// Whether others may take the name from here.
    pub hands_on: bool,
}

impl Sources {
    /// All files below a folder.
    pub fn read(root: &Path) -> Self {
        let mut files = Vec::new();
        let mut open = vec![root.to_path_buf()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of source") {
                let path = entry.expect("an entry of a folder").path();
                if path.is_dir() {
                    open.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(root).expect("a path below the root");
                    let name = name.to_string_lossy().replace('\\', "/");
                    files.push((name, fs::read_to_string(&path).expect("a file of source")));
                }
            }
        }
        let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
        Self::of(&files)
    }

    /// Files by name and text.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut modules: BTreeMap<_, _> = files
            .iter()
            .map(|(name, text)| (module_path(name), Module::read(name, text)))
            .collect();
        let for_tests: Vec<Vec<String>> = modules
            .iter()
            .flat_map(|(path, module)| {
                module.tests.iter().map(|test| [&path[..], std::slice::from_ref(test)].concat())
            })
            .collect();
        modules.retain(|path, _| !for_tests.iter().any(|test| path.starts_with(test)));
        Self { modules }
    }
}

/// `["a", "b"]` of `a/b.rs` and of `a/b/mod.rs`.
fn module_path(file: &str) -> Vec<String> {
    let mut path: Vec<String> = file.trim_end_matches(".rs").split('/').map(String::from).collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    path
}

impl Module {
    fn read(name: &str, text: &str) -> Self {
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let mut module = Self { file: name.into(), header: header.join("\n"), ..Self::default() };
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        module.visit_file(&parsed);
        module
    }

    fn add_use(&mut self, tree: &UseTree, prefix: &[String], hands_on: bool, top: bool) {
        match tree {
            UseTree::Path(path) => {
                let prefix = [prefix, &[path.ident.to_string()]].concat();
                self.add_use(&path.tree, &prefix, hands_on, top);
            }
            UseTree::Name(name) => self.add_name(&name.ident, &name.ident, prefix, hands_on, top),
            UseTree::Rename(name) => {
                self.add_name(&name.ident, &name.rename, prefix, hands_on, top)
            }
            UseTree::Glob(glob) => {
                self.add_import(prefix.to_vec(), glob.star_token.spans[0], true, hands_on)
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_use(tree, prefix, hands_on, top));
            }
        }
    }

    fn add_name(
        &mut self,
        name: &syn::Ident,
        bound: &syn::Ident,
        prefix: &[String],
        hands_on: bool,
        top: bool,
    ) {
        let mut path = prefix.to_vec();
        if name != "self" {
            path.push(name.to_string());
        }
        if top && bound != "_" {
            let bound = if name == "self" {
                path.last().cloned().unwrap_or_default()
            } else {
                bound.to_string()
            };
            self.names.insert(bound, path.clone());
        }
        self.add_import(path, name.span(), true, hands_on);
    }

    fn add_import(
        &mut self,
        path: Vec<String>,
        at: proc_macro2::Span,
        is_use: bool,
        hands_on: bool,
    ) {
        self.imports.push(Import { path, line: at.start().line, is_use, hands_on });
    }

    /// Paths in the tokens of a macro, of which nothing else is known.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut start = None;
        let mut colons = 0;
        let mut finish = |path: &mut Vec<String>, start: Option<proc_macro2::Span>| {
            if let (Some("crate" | "super"), Some(at)) = (path.first().map(String::as_str), start)
                && path.len() > 1
            {
                self.imports.push(Import {
                    path: path.clone(),
                    line: at.start().line,
                    is_use: false,
                    hands_on: false,
                });
            }
            path.clear();
        };
        let mut groups = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident.to_string())
                }
                TokenTree::Ident(ident) => {
                    finish(&mut path, start);
                    (path, start) = (vec![ident.to_string()], Some(ident.span()));
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    finish(&mut path, start);
                    groups.push(group.stream());
                }
                _ => finish(&mut path, start),
            }
            colons = 0;
        }
        finish(&mut path, start);
        groups.into_iter().for_each(|tokens| self.add_tokens(tokens));
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

impl Visit<'_> for Module {
    fn visit_file(&mut self, file: &syn::File) {
        for item in &file.items {
            let name = match item {
                Item::Const(item) => Some(&item.ident),
                Item::Enum(item) => Some(&item.ident),
                Item::Fn(item) => Some(&item.sig.ident),
                Item::Macro(item) => item.ident.as_ref(),
                Item::Static(item) => Some(&item.ident),
                Item::Struct(item) => Some(&item.ident),
                Item::Trait(item) => Some(&item.ident),
                Item::Type(item) => Some(&item.ident),
                _ => None,
            };
            self.defined.extend(name.map(ToString::to_string));
            match item {
                Item::Use(item) if !is_for_tests(&item.attrs) => {
                    let hands_on = !matches!(item.vis, Visibility::Inherited);
                    self.add_use(&item.tree, &[], hands_on, true);
                }
                item => self.visit_item(item),
            }
        }
    }

    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        match is_for_tests(&item.attrs) {
            true => self.tests.push(item.ident.to_string()),
            false => visit::visit_item_mod(self, item),
        }
    }

    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.add_use(&item.tree, &[], false, false);
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        let segments: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(first) = path.segments.first()
        {
            self.add_import(segments, first.ident.span(), false, false);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &syn::Macro) {
        self.add_tokens(item.tokens.clone());
        visit::visit_macro(self, item);
    }
}
