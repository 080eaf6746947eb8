//! SLSA provenance, v1 and v0.2: who built something, and from what.
//!
//! Facts are taken from where the specification puts them and from where builders put them: GitHub's workflow under
//! `externalParameters.workflow`, GitLab's project under `externalParameters.source` with the commit as a digest that
//! it calls `sha256`. What a build's own job can set (GitLab's `variables`) is no fact.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::InTotoStatement;

/// A form of provenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// <https://slsa.dev/provenance/v1>
    SlsaV1,
    /// <https://slsa.dev/provenance/v0.2>
    SlsaV02,
}

impl Form {
    /// The word that policies use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlsaV1 => "slsa-v1",
            Self::SlsaV02 => "slsa-v0.2",
        }
    }

    /// The form of a predicate type.
    pub fn from_predicate_type(predicate_type: &str) -> Option<Self> {
        match predicate_type {
            "https://slsa.dev/provenance/v1" => Some(Self::SlsaV1),
            "https://slsa.dev/provenance/v0.2" => Some(Self::SlsaV02),
            _ => None,
        }
    }
}

/// Content of a statement of provenance.
#[derive(Debug, Clone, PartialEq)]
pub struct Provenance {
    /// Its form.
    pub form: Form,
    /// Who built it.
    pub builder: Option<String>,
    /// Sources that the build was given; several if the statement names several.
    pub sources: Vec<Material>,
    /// Everything that went into it, as far as the builder knows.
    pub materials: Vec<Material>,
}

/// Something that went into a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Material {
    /// Where it came from, as written.
    pub uri: String,
    /// Branch or tag in full, such as `refs/heads/main`.
    pub reference: Option<String>,
    /// Digests by algorithm, in lower case.
    pub digest: BTreeMap<String, String>,
}

impl Material {
    /// Whether it is of the repository that a policy names.
    pub fn is_of(&self, repository: &str) -> bool {
        !self.uri.is_empty() && same_repository(&self.uri, repository)
    }

    /// Candidates for a commit id.
    pub fn commits(&self) -> impl Iterator<Item = &str> {
        ["gitCommit", "sha1", "sha256"].iter().filter_map(|a| self.digest.get(*a)).map(String::as_str)
    }
}

impl Provenance {
    /// Content of a statement; `None` if it is no provenance.
    pub fn from_statement(statement: &InTotoStatement) -> Option<Self> {
        let form = Form::from_predicate_type(&statement.predicate_type)?;
        let predicate = &statement.predicate;
        Some(match form {
            Form::SlsaV1 => {
                let definition = object(predicate.get("buildDefinition"));
                let materials = materials(definition.get("resolvedDependencies"));
                let asked = asked(&object(definition.get("externalParameters")));
                let run = object(predicate.get("runDetails"));
                Self { form, builder: builder(&run), sources: resolve(asked, &materials), materials }
            }
            Form::SlsaV02 => {
                let materials = materials(predicate.get("materials"));
                let invocation = object(predicate.get("invocation"));
                let asked = invocation.get("configSource").map(material).into_iter();
                let asked = asked.filter(|source| !source.uri.is_empty()).collect();
                Self { form, builder: builder(predicate), sources: resolve(asked, &materials), materials }
            }
        })
    }
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn builder(holder: &Map<String, Value>) -> Option<String> {
    let id = holder.get("builder")?.get("id")?.as_str()?;
    (!id.is_empty()).then(|| id.to_owned())
}

fn materials(list: Option<&Value>) -> Vec<Material> {
    list.and_then(Value::as_array).map(|list| list.iter().map(material).collect()).unwrap_or_default()
}

fn material(value: &Value) -> Material {
    let uri = value.get("uri").and_then(Value::as_str).unwrap_or_default().to_owned();
    let digests = object(value.get("digest"));
    let digest = digests.iter().filter_map(|(a, v)| Some((a.clone(), v.as_str()?.to_ascii_lowercase())));
    Material { reference: split(&uri).1.map(str::to_owned), digest: digest.collect(), uri }
}

/// The repositories that the outside asked the build to build, under the names that builders use.
fn asked(parameters: &Map<String, Value>) -> Vec<Material> {
    let mut asked = Vec::new();
    let places = ["workflow", "source", "sourceToBuild", "configSource"];
    for value in places.iter().filter_map(|name| parameters.get(*name)) {
        match value {
            Value::String(uri) => asked.push(material(&serde_json::json!({ "uri": uri }))),
            Value::Object(object) => asked.extend(repository(object)),
            _ => {}
        }
    }
    asked.extend(repository(parameters));
    asked.retain(|source| !source.uri.is_empty());
    asked
}

/// `{repository, ref}` or `{uri, digest}`.
fn repository(object: &Map<String, Value>) -> Option<Material> {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    let uri = text("repository").or_else(|| text("uri"))?;
    let mut source =
        material(&serde_json::json!({ "uri": uri, "digest": object.get("digest").unwrap_or(&Value::Null) }));
    if let Some(reference) = text("ref") {
        source.reference = Some(reference.to_owned());
    }
    Some(source)
}

/// Adds to each source what the materials of its repository say; where the outside asked for nothing that is known,
/// every material of a repository is a source.
fn resolve(asked: Vec<Material>, materials: &[Material]) -> Vec<Material> {
    let known = |source: &Material| materials.iter().filter(|m| m.is_of(&source.uri)).cloned().collect();
    if asked.is_empty() {
        return materials.iter().filter(|m| m.commits().next().is_some()).cloned().collect();
    }
    let mut sources: Vec<Material> = Vec::new();
    for source in asked {
        let of_repository: Vec<Material> = known(&source);
        if source.digest.is_empty() && !of_repository.is_empty() {
            for mut material in of_repository {
                material.reference = source.reference.clone().or(material.reference);
                sources.push(material);
            }
        } else {
            sources.push(source);
        }
    }
    sources.dedup();
    sources
}

/// A URI without what only says how to fetch it, and the reference after its `@`.
fn split(uri: &str) -> (&str, Option<&str>) {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    // An `@` before the path belongs to a user name: git+ssh://git@host/team/app.
    let path = uri.find("://").and_then(|at| uri.get(at + 3..)?.find('/').map(|slash| at + 3 + slash));
    let (repository, reference) = match path.and_then(|path| uri.get(path..)?.find('@').map(|at| path + at)) {
        Some(at) => (uri.get(..at).unwrap_or(uri), uri.get(at + 1..)),
        None => (uri, None),
    };
    let repository = repository.trim_end_matches('/');
    let repository = repository.strip_suffix(".git").unwrap_or(repository);
    (repository, reference.filter(|reference| !reference.is_empty()))
}

/// True if both lead to the same repository.
fn same_repository(a: &str, b: &str) -> bool {
    let (a, b) = (split(a).0, split(b).0);
    // Only scheme and host are the same in another case.
    let parts = |uri: &'_ str| -> Option<(String, String)> {
        let at = uri.find("://")? + 3;
        let slash = uri.get(at..)?.find('/').map_or(uri.len(), |slash| at + slash);
        Some((uri.get(..slash)?.to_ascii_lowercase(), uri.get(slash..)?.to_owned()))
    };
    match (parts(a), parts(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provenance(form: &str, predicate: &Value) -> Provenance {
        let text = json!({
            "_type": super::super::statement::V1,
            "subject": [{"name": "a", "digest": {"sha256": "ab"}}],
            "predicateType": format!("https://slsa.dev/provenance/{form}"),
            "predicate": predicate,
        });
        Provenance::from_statement(&InTotoStatement::parse(text.to_string().as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn a_github_workflow() {
        let read = provenance(
            "v1",
            &json!({
                "buildDefinition": {
                    "externalParameters": {"workflow": {"ref": "refs/heads/main", "repository": "https://github.com/o/r", "path": "w.yml"}},
                    "resolvedDependencies": [
                        {"uri": "git+https://github.com/o/r@refs/heads/main", "digest": {"gitCommit": "C0"}},
                        {"uri": "git+https://github.com/o/tool@v1", "digest": {"gitCommit": "d0"}},
                    ],
                },
                "runDetails": {"builder": {"id": "https://github.com/actions/runner"}},
            }),
        );
        assert_eq!(read.builder.as_deref(), Some("https://github.com/actions/runner"));
        assert_eq!(read.sources.len(), 1);
        assert!(read.sources[0].is_of("git+https://GitHub.com/o/r.git"));
        assert!(!read.sources[0].is_of("https://github.com/o/R"));
        assert_eq!(read.sources[0].reference.as_deref(), Some("refs/heads/main"));
        assert_eq!(read.sources[0].commits().collect::<Vec<_>>(), ["c0"]);
        assert_eq!(read.materials.len(), 2);
    }

    #[test]
    fn gitlab_writes_the_commit_as_sha256() {
        let read = provenance(
            "v1",
            &json!({
                "buildDefinition": {
                    "externalParameters": {"source": "https://gitlab.example.com/t/a", "variables": {"CI_COMMIT_BRANCH": "main"}},
                    "resolvedDependencies": [{"uri": "https://gitlab.example.com/t/a", "digest": {"sha256": "f0582e2c9a16b5cc2cde90e8be8f1b50fd67c631"}}],
                },
                "runDetails": {"builder": {"id": "https://gitlab.example.com/-/runners/42"}},
            }),
        );
        assert!(read.sources[0].is_of("git+https://gitlab.example.com/t/a"));
        assert_eq!(read.sources[0].commits().count(), 1);
        // A job can set its own variables: they say nothing.
        assert_eq!(read.sources[0].reference, None);
    }

    #[test]
    fn the_older_form() {
        let read = provenance(
            "v0.2",
            &json!({
                "builder": {"id": "b"},
                "invocation": {"configSource": {"uri": "git+https://github.com/o/r@refs/tags/v1", "digest": {"sha1": "c0"}}},
                "materials": [{"uri": "git+https://github.com/o/r@refs/tags/v1", "digest": {"sha1": "c0"}}],
            }),
        );
        assert_eq!((read.form, read.builder.as_deref()), (Form::SlsaV02, Some("b")));
        assert_eq!(read.sources[0].reference.as_deref(), Some("refs/tags/v1"));
        assert_eq!(provenance("v0.2", &json!({})).sources, []);
        assert_eq!(provenance("v1", &json!({"runDetails": {"builder": {"id": ""}}})).builder, None);
    }

    #[test]
    fn a_user_name_is_no_reference() {
        assert_eq!(
            split("git+ssh://git@host/t/a.git@refs/heads/x"),
            ("ssh://git@host/t/a", Some("refs/heads/x"))
        );
        assert_eq!(split("git+ssh://git@host/t/a"), ("ssh://git@host/t/a", None));
        assert_eq!(split("https://host/t/a/"), ("https://host/t/a", None));
    }
}
