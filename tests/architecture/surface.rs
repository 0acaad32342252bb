//! What stands at the root of a crate.

use syn::{Item, UseTree, Visibility};

/// The names that others can import from the root: of items there, and of those that are handed on, but not of modules.
pub fn root_names(lib: &str) -> Vec<String> {
    let file = syn::parse_file(lib).expect("a file of source");
    let mut names = Vec::new();
    for item in &file.items {
        let Item::Use(import) = item else { continue };
        let hidden = import.attrs.iter().any(|attribute| {
            attribute.path().is_ident("doc")
                && attribute
                    .meta
                    .require_list()
                    .is_ok_and(|list| list.tokens.to_string() == "hidden")
        });
        if matches!(import.vis, Visibility::Public(_)) && !hidden {
            leaves(&import.tree, &mut names);
        }
    }
    names.retain(|name| !MODULES.contains(&&**name));
    names
}

/// Modules that are handed on.
const MODULES: [&str; 2] = ["forward", "generic"];

fn leaves(tree: &UseTree, names: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, names),
        UseTree::Name(name) => names.push(name.ident.to_string()),
        UseTree::Rename(rename) => names.push(rename.rename.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        UseTree::Glob(_) => names.push("*".into()),
    }
}
