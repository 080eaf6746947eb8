//! Files that a walk leaves out, and why: nothing is passed over without being told.

use std::collections::BTreeMap;
use std::path::Path;

use super::hidden_report::{has_prefix, is_packed, may_be_packed_report};
use crate::report::{self, Source};

/// Why a folder is not looked into, or a file in a given folder is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Version control's own folder.
    VersionControl,
    /// secgate's own folder.
    Own,
    /// A link to a folder that it lies in.
    Circle,
    /// A folder that links lead to under many names.
    Again,
    /// A receipt, which is read with its report.
    Receipt,
    /// A given folder in which there is nothing.
    Empty,
    /// Source code, documentation, an image and the like, which no reader claims.
    NoReport,
    /// A packed file, of which nothing tells that it holds a report.
    Packed,
}

impl Reason {
    /// In words, of one folder or of many files.
    fn words(self) -> &'static str {
        match self {
            Self::VersionControl => "not looked into: a folder of version control",
            Self::Own => {
                "secgate's own files, which are no evidence unless they are named without a wildcard"
            }
            Self::Circle => "not looked into: a link to a folder that it lies in",
            Self::Again => "not looked into again: its files are known by other names that links give it",
            Self::Receipt => "read with the report beside it",
            Self::Empty => "a folder without files: what was to be in it did not arrive",
            Self::NoReport => "no reports by their names and beginnings",
            Self::Packed => {
                "packed, and not unpacked: what is in them cannot be told; give a report as it is, or as gzip"
            }
        }
    }
}

/// Files left out below one given folder.
#[derive(Debug, Default, Clone)]
pub struct LeftOut {
    /// Folders, and files that were named, each by itself.
    paths: Vec<(String, Reason)>,
    /// How many files, by why, and by what their names end in.
    files: BTreeMap<Reason, BTreeMap<String, u64>>,
}

impl LeftOut {
    /// A folder, or a file that is told by itself.
    pub(super) fn path(&mut self, path: &Path, reason: Reason) {
        self.paths.push((path.to_string_lossy().into_owned(), reason));
    }

    pub(super) fn file(&mut self, path: &Path, reason: Reason) {
        let kind = match path.extension() {
            Some(end) => format!(".{}", end.to_string_lossy().to_ascii_lowercase()),
            None => "without an ending".to_owned(),
        };
        *self.files.entry(reason).or_default().entry(kind).or_default() += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.files.is_empty()
    }

    /// Files left out, each as a path with why; files that are alike are one line of the folder `given`.
    pub(super) fn told(&self, given: &str) -> Vec<(String, String)> {
        let mut told: Vec<(String, String)> =
            self.paths.iter().map(|(path, reason)| (path.clone(), reason.words().to_owned())).collect();
        told.sort();
        for (reason, kinds) in &self.files {
            let total: u64 = kinds.values().sum();
            let mut most: Vec<(&String, &u64)> = kinds.iter().collect();
            most.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
            let shown: Vec<String> = most.iter().take(KINDS).map(|(kind, n)| format!("{n} {kind}")).collect();
            let more = if most.len() > KINDS { ", …" } else { "" };
            let files = if total == 1 { "1 file".to_owned() } else { format!("{total} files") };
            let why = format!("{files} left out ({}{more}): {}", shown.join(", "), reason.words());
            told.push((given.to_owned(), why));
        }
        told
    }
}

/// Kinds of files that one line names.
const KINDS: usize = 6;

/// Why a folder of this name is not looked into.
pub(super) fn closed_folder(path: &Path) -> Option<Reason> {
    if path.is_symlink() {
        // It can be called anything, and lead to reports.
        return None;
    }
    match path.file_name()?.to_str()? {
        ".git" | ".hg" | ".svn" | ".bzr" | ".jj" => Some(Reason::VersionControl),
        ".secgate" => Some(Reason::Own),
        // A bundle that was unpacked, with the evidence of another run.
        _ if is_bundle(path) => Some(Reason::Own),
        _ => None,
    }
}

/// Whether a file that a glob of a report entry matches, or a given folder holds, is none of a scanner: what secgate wrote
/// of the same findings would count them twice.
pub(super) fn is_own(path: &Path) -> bool {
    report::is_own_output(&Source::File(path.to_owned()))
}

/// Whether a folder is a bundle of secgate with nothing else in it: another file there may be a report.
fn is_bundle(folder: &Path) -> bool {
    let manifest = folder.join("bundle.json");
    manifest.is_file() && is_own(&manifest) && crate::attest::bundle::Bundle::open(folder).is_ok()
}

/// Why a file that was found in a given folder, and that no entry of the policy names, need not be a report.
pub fn no_report(path: &Path) -> Option<Reason> {
    if report::receipt::is_receipt(path) {
        return Some(Reason::Receipt);
    }
    no_report_of(path, &Source::File(path.to_owned()))
}

/// The same of a file whose content lies elsewhere, and that is no receipt.
pub(super) fn no_report_of(path: &Path, source: &Source) -> Option<Reason> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    if report::is_own_output(source) {
        return Some(Reason::Own);
    }
    if report::claimed(source) {
        return None;
    }
    if is_packed(&name, source) {
        return (!may_be_packed_report(path, source)).then_some(Reason::Packed);
    }
    let end = name.rsplit_once('.').map(|(_, end)| end);
    let by_name = end.is_some_and(|end| NO_REPORT.contains(&end))
        || NAMES.iter().any(|known| *known == name)
        || BEGINNINGS.iter().any(|(begin, end)| name.starts_with(begin) && name.ends_with(end))
        || path.parent().is_some_and(|folder| folder.ends_with(".vscode") || folder.ends_with(".idea"));
    // What might be a report by its name must begin like one, or be a whole document of another kind.
    let like_data = end.is_some_and(|end| DATA.contains(&end));
    let is_other = by_name || !like_data && !report::begins_like_data(source) && !has_prefix(source);
    is_other.then_some(Reason::NoReport)
}

/// Endings of names of reports. Of a file of such a name it must be told what it is.
const DATA: &[&str] =
    &["json", "jsonl", "ndjson", "sarif", "xml", "gz", "cdx", "spdx", "bom", "report", "out", "tmp", "part"];

/// Endings of names of files that are no reports, but for those that a reader claims.
const NO_REPORT: &[&str] = &[
    // Source code.
    "ada",
    "adb",
    "ads",
    "asm",
    "astro",
    "awk",
    "bas",
    "bash",
    "bat",
    "bicep",
    "c",
    "cc",
    "cjs",
    "clj",
    "cljs",
    "cls",
    "cmake",
    "cob",
    "coffee",
    "cpp",
    "cr",
    "cs",
    "csh",
    "cshtml",
    "csproj",
    "css",
    "cts",
    "cxx",
    "d",
    "dart",
    "elm",
    "erb",
    "erl",
    "ex",
    "exs",
    "f",
    "f90",
    "fs",
    "fsproj",
    "fsx",
    "gd",
    "go",
    "gql",
    "gradle",
    "graphql",
    "groovy",
    "h",
    "haml",
    "handlebars",
    "hbs",
    "hcl",
    "hh",
    "hpp",
    "hrl",
    "hs",
    "htm",
    "html",
    "inc",
    "ipynb",
    "j2",
    "java",
    "jinja",
    "jinja2",
    "jl",
    "js",
    "jsonc",
    "json5",
    "jsp",
    "jsx",
    "kt",
    "kts",
    "less",
    "liquid",
    "lisp",
    "lua",
    "m",
    "mjs",
    "ml",
    "mli",
    "mm",
    "mts",
    "nim",
    "nix",
    "njk",
    "pas",
    "php",
    "phtml",
    "pl",
    "pm",
    "proto",
    "ps1",
    "psm1",
    "pug",
    "pxd",
    "py",
    "pyi",
    "pyx",
    "r",
    "rake",
    "rb",
    "rego",
    "rkt",
    "rs",
    "sass",
    "scala",
    "scm",
    "scss",
    "sh",
    "sol",
    "sql",
    "svelte",
    "swift",
    "t",
    "tcl",
    "tf",
    "tfvars",
    "thrift",
    "tmpl",
    "tpl",
    "ts",
    "tsx",
    "twig",
    "v",
    "vb",
    "vbproj",
    "vcxproj",
    "vhd",
    "vue",
    "wat",
    "xaml",
    "xsd",
    "xsl",
    "xslt",
    "zig",
    "zsh",
    "fish",
    "sln",
    "props",
    "targets",
    "resx",
    "wsdl",
    // Settings, documentation and plain text.
    "adoc",
    "asciidoc",
    "cfg",
    "cnf",
    "conf",
    "config",
    "csv",
    "desktop",
    "diff",
    "dockerfile",
    "editorconfig",
    "env",
    "example",
    "ini",
    "markdown",
    "md",
    "mdx",
    "mod",
    "org",
    "patch",
    "plist",
    "po",
    "pot",
    "properties",
    "rst",
    "service",
    "sum",
    "tex",
    "toml",
    "tsv",
    "work",
    "yaml",
    "yml",
    "dist",
    "sample",
    "snap",
    "lock",
    "lockfile",
    "gemspec",
    "podspec",
    "neon",
    "cabal",
    // Images, fonts, sound, films, documents of an office.
    "avif",
    "bmp",
    "eot",
    "gif",
    "heic",
    "icns",
    "ico",
    "jpeg",
    "jpg",
    "otf",
    "png",
    "psd",
    "svg",
    "tif",
    "tiff",
    "ttf",
    "webp",
    "woff",
    "woff2",
    "aac",
    "avi",
    "flac",
    "m4a",
    "mkv",
    "mov",
    "mp3",
    "mp4",
    "ogg",
    "wav",
    "webm",
    "doc",
    "docx",
    "odp",
    "ods",
    "odt",
    "pdf",
    "ppt",
    "pptx",
    "xls",
    "xlsx",
    // Archives, binaries, keys, maps, databases.
    "7z",
    "a",
    "apk",
    "bin",
    "bz2",
    "class",
    "crt",
    "cer",
    "db",
    "deb",
    "der",
    "dll",
    "dmg",
    "dylib",
    "ear",
    "egg",
    "exe",
    "iso",
    "jar",
    "key",
    "lib",
    "map",
    "o",
    "obj",
    "p12",
    "pack",
    "pem",
    "pfx",
    "pub",
    "pyc",
    "pyo",
    "rar",
    "rlib",
    "rmeta",
    "rpm",
    "so",
    "sqlite",
    "sqlite3",
    "tar",
    "tgz",
    "tbz",
    "txz",
    "war",
    "wasm",
    "whl",
    "xz",
    "zip",
    "zst",
    "asc",
    "sig",
    "gpg",
    "idx",
    "timestamp",
];

/// Files of a project that are no reports and may hold comments in their JSON.
const NAMES: &[&str] = &[
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "composer.json",
    "composer.lock",
    "jsconfig.json",
    "deno.json",
    "devcontainer.json",
    "babel.config.json",
    ".babelrc",
    ".swcrc",
    "tslint.json",
    "nx.json",
    "turbo.json",
    "lerna.json",
    "renovate.json",
    "manifest.json",
    "angular.json",
    "api-extractor.json",
    "pom.xml",
    ".gitkeep",
    ".keep",
    "pipfile.lock",
];

/// The same by how their names begin and end.
const BEGINNINGS: &[(&str, &str)] =
    &[("tsconfig", ".json"), (".eslintrc", ""), (".jshintrc", ""), (".prettierrc", "")];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, text: &str) -> Option<Reason> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        no_report(&path)
    }

    #[test]
    fn what_is_no_report_is_told_by_name_and_beginning() {
        for (name, text) in [
            ("main.py", "x = 1\n"),
            ("tsconfig.app.json", "{ // comments\n}"),
            ("package.json", "{\"name\": \"a\"}"),
            ("logo.svg", "<svg/>"),
            ("Makefile", "all:\n"),
            ("LICENSE", "MIT"),
            (".gitignore", "target\n"),
        ] {
            assert_eq!(of(name, text), Some(Reason::NoReport), "{name}");
        }
        // A report under whatever name is one; what is named like a report, or begins like one, is not left out here.
        let semgrep = r#"{"version":"1","results":[],"errors":[],"paths":{"scanned":["a"]}}"#;
        for (name, text) in [
            ("main.py", semgrep),
            ("scan.json", "Traceback: it broke"),
            ("scan.json", ""),
            ("scan", "{\"a\": "),
            ("scan.sarif", "{\"a\": 1}"),
        ] {
            assert_eq!(of(name, text), None, "{name}");
        }
    }

    #[test]
    fn alike_files_are_one_line() {
        let mut left = LeftOut::default();
        for name in ["a/x.py", "a/y.py", "a/Makefile"] {
            left.file(Path::new(name), Reason::NoReport);
        }
        left.path(Path::new("a/.git"), Reason::VersionControl);
        assert_eq!(
            left.told("a"),
            [
                ("a/.git".to_owned(), "not looked into: a folder of version control".to_owned()),
                (
                    "a".to_owned(),
                    "3 files left out (2 .py, 1 without an ending): no reports by their names and beginnings"
                        .to_owned()
                ),
            ]
        );
    }
}
