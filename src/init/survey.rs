//! Contents of a repository that a gate is about. Nothing is run; links are not followed.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::pipeline::Pipeline;
use crate::gather::{NearbyReport, REPORT_FOLDERS, is_called_like_a_report, report_at};
use crate::report;

/// Most files that are looked at.
const MOST_FILES: usize = 200_000;
/// Deepest folder.
const DEEPEST: usize = 16;
/// Most YAML and JSON files that are opened to see what they are about.
const MOST_OPENED: usize = 5_000;
/// How much of them is read.
const OPENING: u64 = 16 << 10;
/// Largest saved report that is read here.
const LARGEST_REPORT: u64 = 256 << 20;

/// Folders that hold what others wrote or what was built.
const FOREIGN: &[&str] = &[
    "node_modules",
    "vendor",
    "target",
    "dist",
    "build",
    "venv",
    "__pycache__",
    "third_party",
    "bower_components",
];
/// Languages by the ends of file names.
const LANGUAGES: &[(&str, &[&str])] = &[
    ("C and C++", &["c", "cc", "cpp", "cxx", "h", "hpp"]),
    ("C#", &["cs"]),
    ("Go", &["go"]),
    ("Java", &["java"]),
    ("JavaScript", &["js", "jsx", "mjs", "cjs"]),
    ("Kotlin", &["kt", "kts"]),
    ("PHP", &["php"]),
    ("Python", &["py"]),
    ("Ruby", &["rb"]),
    ("Rust", &["rs"]),
    ("Scala", &["scala"]),
    ("Shell", &["sh", "bash"]),
    ("Swift", &["swift"]),
    ("TypeScript", &["ts", "tsx"]),
];
/// Files that pin dependencies.
const LOCKS: &[&str] = &[
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "requirements.txt",
    "poetry.lock",
    "Pipfile.lock",
    "uv.lock",
    "pdm.lock",
    "Cargo.lock",
    "go.sum",
    "go.mod",
    "composer.lock",
    "Gemfile.lock",
    "pom.xml",
    "gradle.lockfile",
    "packages.lock.json",
    "mix.lock",
    "pubspec.lock",
    "Package.resolved",
    "conan.lock",
];

/// Survey of a repository. Lists are sorted.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Languages of the code.
    pub languages: BTreeSet<&'static str>,
    /// Files that pin dependencies.
    pub locks: Vec<String>,
    /// Docker files.
    pub docker: Vec<String>,
    /// Terraform files.
    pub terraform: Vec<String>,
    /// Kubernetes manifests.
    pub kubernetes: Vec<String>,
    /// `OpenAPI` descriptions.
    pub openapi: Vec<String>,
    /// Semgrep rules of the project's own.
    pub semgrep_rules: Option<String>,
    /// Whether detect-secrets has a baseline here.
    pub detect_secrets: bool,
    /// Whether Spectral has rules here.
    pub spectral_rules: bool,
    /// `.gitlab-ci.yml`.
    pub pipeline: Option<Pipeline>,
    /// Scripts that look like a gate.
    pub scripts: Vec<String>,
    /// Reports.
    pub saved: Vec<NearbyReport>,
    /// There was more than is looked at.
    pub cut_off: bool,
    files: usize,
    opened: usize,
}

/// Looks at a repository.
pub fn survey_repository(root: &Path) -> Survey {
    let mut survey = Survey::default();
    survey.walk(root, "", 0);
    survey.semgrep_rules = [".semgrep.yml", ".semgrep.yaml", ".semgrep", "semgrep.yml", "semgrep.yaml"]
        .iter()
        .find(|name| root.join(name).exists())
        .map(|name| (*name).to_owned());
    survey.detect_secrets = root.join(".secrets.baseline").is_file();
    survey.spectral_rules = ["", "."].iter().any(|dot| {
        ["yaml", "yml", "json", "js", "mjs"]
            .iter()
            .any(|end| root.join(format!("{dot}spectral.{end}")).exists())
    });
    survey.pipeline = opening(&root.join(".gitlab-ci.yml"), 1 << 20).map(|text| Pipeline::parse(&text));
    survey
}

impl Survey {
    fn walk(&mut self, folder: &Path, inside: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut names: Vec<_> =
            entries.filter_map(|entry| Some((entry.ok()?.file_name().into_string().ok()?, ()))).collect();
        names.sort();
        for (name, ()) in names {
            let path = folder.join(&name);
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            let relative = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            if meta.is_dir() {
                if name.starts_with('.') || FOREIGN.contains(&name.as_str()) {
                    continue;
                }
                if depth == DEEPEST {
                    self.cut_off = true;
                    continue;
                }
                self.walk(&path, &relative, depth + 1);
            } else if meta.is_file() {
                if self.files == MOST_FILES {
                    self.cut_off = true;
                    return;
                }
                self.files += 1;
                self.file(&path, &name, relative, meta.len());
            }
        }
    }

    fn file(&mut self, path: &Path, name: &str, relative: String, bytes: u64) {
        let lower = name.to_ascii_lowercase();
        let end = lower.rsplit_once('.').map_or("", |(_, end)| end);
        if let Some((language, _)) = LANGUAGES.iter().find(|(_, ends)| ends.contains(&end)) {
            self.languages.insert(language);
        }
        let of_reports = match relative.split_once('/') {
            None => true,
            Some((folder, rest)) => REPORT_FOLDERS.contains(&folder) && !rest.contains('/'),
        };
        if LOCKS.contains(&name) {
            self.locks.push(relative);
        } else if lower == "dockerfile"
            || lower.starts_with("dockerfile.")
            || lower == "containerfile"
            || end == "dockerfile"
        {
            self.docker.push(relative);
        } else if matches!(end, "tf" | "tofu") || lower.ends_with(".tf.json") {
            self.terraform.push(relative);
        } else if matches!(end, "sh" | "bash") && lower.contains("gate") {
            self.scripts.push(relative);
        } else if of_reports && is_called_like_a_report(name) && bytes <= LARGEST_REPORT {
            match report_at(path, &relative, LARGEST_REPORT) {
                Some(report) => self.saved.push(report),
                None if end == "json" => self.described(path, relative),
                None => {}
            }
        } else if matches!(end, "yaml" | "yml" | "json") {
            self.described(path, relative);
        }
    }

    /// Kubernetes and `OpenAPI` say at their beginning what they are.
    fn described(&mut self, path: &Path, relative: String) {
        if self.opened == MOST_OPENED {
            self.cut_off = true;
            return;
        }
        self.opened += 1;
        let Some(text) = opening(path, OPENING) else { return };
        let begins = |word: &str| text.lines().any(|line| line.starts_with(word));
        if begins("openapi:")
            || begins("swagger:")
            || json_key(&text, "openapi")
            || json_key(&text, "swagger")
        {
            self.openapi.push(relative);
        } else if begins("apiVersion:") && begins("kind:") {
            self.kubernetes.push(relative);
        }
    }
}

/// Whether a JSON object has this key with a version number for a value near its beginning.
fn json_key(text: &str, key: &str) -> bool {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).take(4096).collect();
    compact.starts_with('{')
        && ["1", "2", "3"].iter().any(|major| compact.contains(&format!("\"{key}\":\"{major}.")))
}

fn opening(path: &Path, most: u64) -> Option<String> {
    let mut bytes = Vec::new();
    report::open_regular(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_known_by_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("src/a.py", "");
        write("node_modules/x/a.go", "");
        write("web/package-lock.json", "{}");
        write("api/openapi.json", "{\n  \"openapi\": \"3.1.0\"}");
        write("deploy/app.yaml", "# an app\napiVersion: v1\nkind: Pod\n");
        write("deploy/values.yaml", "image: {kind: a}\n");
        write("infra/main.tf", "");
        write("Dockerfile", "");
        write("ci/scripts/security_gate.sh", "");
        write("reports/bandit.json", include_str!("../../fixtures/bandit/app.json"));
        write("tests/bandit.json", include_str!("../../fixtures/bandit/app.json"));
        write("package.json", "{\"name\": \"x\"}");
        let survey = survey_repository(dir.path());
        assert_eq!(survey.languages.iter().copied().collect::<Vec<_>>(), ["Python", "Shell"]);
        assert_eq!(survey.locks, ["web/package-lock.json"]);
        assert_eq!(
            (survey.openapi, survey.kubernetes),
            (vec!["api/openapi.json".to_owned()], vec!["deploy/app.yaml".to_owned()])
        );
        assert_eq!((survey.terraform.len(), survey.docker.len(), survey.scripts.len()), (1, 1, 1));
        assert_eq!(survey.saved.iter().map(|s| s.path.as_str()).collect::<Vec<_>>(), ["reports/bandit.json"]);
        assert!(!survey.cut_off && survey.pipeline.is_none() && !survey.spectral_rules);
    }
}
