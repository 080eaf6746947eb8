//! Lists the mappings that come with the binary, so that adding one needs no Rust: every `mappings/NAME.yaml`.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let folder = Path::new("mappings");
    println!("cargo::rerun-if-changed=mappings");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    names.sort();
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let mut text = String::from("&[\n");
    for name in names {
        let path = Path::new(&root).join(folder).join(format!("{name}.yaml"));
        let _ = writeln!(text, "    ({name:?}, include_str!({:?})),", path.display().to_string());
    }
    text.push_str("]\n");
    let out = env::var("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("mappings.rs"), text).unwrap_or_default();
}
