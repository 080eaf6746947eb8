//! Build provenance: who built something, and from what. SLSA v1, v0.2 and v0.1, and collections of Witness.
//!
//! Facts are taken from where the specification puts them and from where builders put them: GitHub's workflow under
//! `externalParameters.workflow`, GitLab's project under `externalParameters.source` with the commit as a digest that
//! it calls `sha256`, Cloud Build's trigger under `buildConfigSource`, `BuildKit`'s ref behind a `#`, Tekton's sources
//! beside the definition of its pipeline. What a build's own job can set (GitLab's `variables`) is no fact.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::InTotoStatement;

/// A form of provenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// <https://slsa.dev/provenance/v1>
    SlsaV1,
    /// <https://slsa.dev/provenance/v0.2>
    SlsaV02,
    /// <https://slsa.dev/provenance/v0.1>, which Cloud Build still writes.
    SlsaV01,
    /// A collection of what Witness saw in a step: <https://witness.dev/docs/>.
    Witness,
}

impl Form {
    /// The word that policies use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlsaV1 => "slsa-v1",
            Self::SlsaV02 => "slsa-v0.2",
            Self::SlsaV01 => "slsa-v0.1",
            Self::Witness => "witness",
        }
    }

    /// The form of a predicate type.
    pub fn from_predicate_type(predicate_type: &str) -> Option<Self> {
        match predicate_type {
            "https://slsa.dev/provenance/v1" => Some(Self::SlsaV1),
            "https://slsa.dev/provenance/v0.2" => Some(Self::SlsaV02),
            "https://slsa.dev/provenance/v0.1" => Some(Self::SlsaV01),
            "https://witness.testifysec.com/attestation-collection/v0.1"
            | "https://witness.dev/attestation-collection/v0.1"
            | "https://aflock.ai/attestation-collection/v0.1" => Some(Self::Witness),
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

    /// Whether it is source code: a commit, or an archive that was handed to Cloud Build.
    fn is_source(&self) -> bool {
        // GitLab calls a commit `sha256`; a real SHA-256 is that of an image or an archive.
        let sha1 = |digest: &String| digest.len() == 40;
        let commit = ["gitCommit", "sha1"].iter().any(|algorithm| self.digest.contains_key(*algorithm))
            || self.digest.get("sha256").is_some_and(sha1);
        let package = ["pkg:", "oci:", "docker:"].iter().any(|scheme| self.uri.starts_with(scheme));
        commit && !package || self.uri.starts_with("gs://")
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
                let listed = definition.get("resolvedDependencies");
                let materials = materials(listed);
                let run = object(predicate.get("runDetails"));
                let build_type = text(definition.get("buildType"));
                let sources = if build_type.starts_with("https://tekton.dev/chains/") {
                    // The pipeline's own definition is no source of what it builds.
                    let definition = |entry: &&Value| {
                        let name = text(entry.get("name"));
                        !["task", "pipeline", "pipelineTask"].contains(&name.as_str())
                    };
                    let entries = listed.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                    let inputs: Vec<Material> = entries.iter().filter(definition).map(material).collect();
                    resolve(
                        Vec::new(),
                        if inputs.iter().any(Material::is_source) { &inputs } else { &materials },
                    )
                } else {
                    resolve(asked(&object(definition.get("externalParameters"))), &materials)
                };
                Self { form, builder: builder(&run), sources, materials }
            }
            Form::SlsaV02 => {
                let materials = materials(predicate.get("materials"));
                let invocation = object(predicate.get("invocation"));
                let asked = invocation.get("configSource").map(material);
                let asked = asked.filter(|source| !source.uri.is_empty());
                let build_type = text(predicate.get("buildType"));
                let sources = if build_type.starts_with("tekton.dev/") {
                    let is_definition = |one: &Material| {
                        asked.as_ref().is_some_and(|asked| one.uri == asked.uri && one.digest == asked.digest)
                    };
                    let inputs: Vec<Material> =
                        materials.iter().filter(|one| !is_definition(one)).cloned().collect();
                    resolve(
                        Vec::new(),
                        if inputs.iter().any(Material::is_source) { &inputs } else { &materials },
                    )
                } else {
                    resolve(asked.into_iter().collect(), &materials)
                };
                Self { form, builder: builder(predicate), sources, materials }
            }
            Form::SlsaV01 => {
                let materials = materials(predicate.get("materials"));
                let mut sources = resolve(Vec::new(), &materials);
                // A trigger sets these; a build that somebody starts by hand has an archive for a source.
                let recipe = object(predicate.get("recipe"));
                let arguments = object(recipe.get("arguments"));
                let reference = reference_of_trigger(&object(arguments.get("substitutions")));
                for source in sources.iter_mut().filter(|source| !source.uri.starts_with("gs://")) {
                    source.reference = source.reference.take().or_else(|| reference.clone());
                }
                Self { form, builder: builder(predicate), sources, materials }
            }
            Form::Witness => witness(predicate),
        })
    }
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
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
    let mut digest: BTreeMap<String, String> = digest.collect();
    let reference = split(&uri).1.map(str::to_owned);
    // `repository#COMMIT`, and Cloud Build's `repository/commit/COMMIT`.
    let in_uri = reference.as_deref().filter(|reference| is_commit(reference));
    if let Some(commit) = in_uri.or_else(|| commit_page(&uri).map(|(_, commit)| commit))
        && digest.is_empty()
    {
        digest.insert("gitCommit".to_owned(), commit.to_ascii_lowercase());
    }
    Material { reference: reference.filter(|reference| !is_commit(reference)), digest, uri }
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The repository and the commit of a page about a commit.
fn commit_page(uri: &str) -> Option<(&str, &str)> {
    let (repository, commit) = uri.rsplit_once("/commit/")?;
    is_commit(commit).then_some((repository, commit))
}

/// The ref that a trigger of Cloud Build was for.
fn reference_of_trigger(substitutions: &Map<String, Value>) -> Option<String> {
    let named = |key: &str, folder: &str| {
        let name = text(substitutions.get(key));
        (!name.is_empty()).then(|| format!("refs/{folder}/{name}"))
    };
    named("TAG_NAME", "tags").or_else(|| named("BRANCH_NAME", "heads"))
}

/// Facts that Witness saw: the job's token, which it verifies with its issuer, before the working tree, which a step can change.
fn witness(predicate: &Map<String, Value>) -> Provenance {
    let list = predicate.get("attestations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let of = |name: &str| {
        let of_type = |one: &&Value| {
            text(one.get("type")).split("/attestations/").nth(1).and_then(|rest| rest.split('/').next())
                == Some(name)
        };
        list.iter().find(of_type).map(|one| object(one.get("attestation")))
    };
    let (mut builder, mut sources) = (None, Vec::new());
    if let Some(job) = of("gitlab").or_else(|| of("github")) {
        let server = text(job.get("ciserverurl"));
        let claims = job.get("jwt").and_then(|jwt| jwt.get("claims")).cloned().unwrap_or_default();
        let claim = |key: &str| claims.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(project) =
            claim("project_path").or_else(|| claim("repository")).filter(|_| !server.is_empty())
        {
            let mut source = material(&json!({ "uri": format!("{server}/{project}") }));
            if let Some(commit) = claim("sha") {
                source.digest.insert("gitCommit".to_owned(), commit.to_ascii_lowercase());
            }
            // GitLab names the branch or tag alone, and says beside it which of them it is.
            source.reference = match (claim("ref"), claim("ref_type")) {
                (Some(full), _) if full.starts_with("refs/") => Some(full.to_owned()),
                (Some(name), Some("branch")) => Some(format!("refs/heads/{name}")),
                (Some(name), Some("tag")) => Some(format!("refs/tags/{name}")),
                _ => None,
            };
            sources.push(source);
        }
        builder = (!server.is_empty()).then_some(server);
    }
    if let Some(tree) = of("git").filter(|_| sources.is_empty()) {
        let remotes = tree.get("remotes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let commit = text(tree.get("commithash"));
        for remote in remotes.iter().filter_map(Value::as_str).filter(|remote| !remote.is_empty()) {
            sources.push(material(&json!({ "uri": remote, "digest": { "gitCommit": commit } })));
        }
    }
    Provenance { form: Form::Witness, builder, materials: sources.clone(), sources }
}

/// The repositories that the outside asked the build to build, under the names that builders use.
fn asked(parameters: &Map<String, Value>) -> Vec<Material> {
    let mut asked = Vec::new();
    let places = ["workflow", "source", "sourceToBuild", "configSource", "buildConfigSource"];
    for value in places.iter().filter_map(|name| parameters.get(*name)) {
        match value {
            Value::String(uri) => asked.push(material(&json!({ "uri": uri }))),
            Value::Object(object) => asked.extend(repository(object)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {}
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
    let mut source = material(&json!({ "uri": uri, "digest": object.get("digest").unwrap_or(&Value::Null) }));
    if let Some(reference) = text("ref") {
        source.reference = Some(reference.to_owned());
    }
    Some(source)
}

/// Adds to each source what the materials of its repository say; where the outside asked for nothing that is known,
/// every material that is source code is a source.
fn resolve(asked: Vec<Material>, materials: &[Material]) -> Vec<Material> {
    let known = |source: &Material| materials.iter().filter(|m| m.is_of(&source.uri)).cloned().collect();
    if asked.is_empty() {
        return materials.iter().filter(|m| m.is_source()).cloned().collect();
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

/// A URI without what only says how to fetch it, and the reference after its `@` or `#`.
fn split(uri: &str) -> (&str, Option<&str>) {
    let uri = uri.strip_prefix("git+").unwrap_or(uri);
    let (uri, fragment) = match uri.split_once('#') {
        // `BuildKit` writes `repository#ref:folder`; of an archive the part behind `#` is its generation.
        Some((before, after)) if !uri.starts_with("gs://") => (before, after.split(':').next()),
        _ => (uri, None),
    };
    // An `@` before the path belongs to a user name: git+ssh://git@host/team/app.
    let path = uri.find("://").and_then(|at| uri.get(at + 3..)?.find('/').map(|slash| at + 3 + slash));
    let (repository, reference) = match path.and_then(|path| uri.get(path..)?.find('@').map(|at| path + at)) {
        Some(at) => (uri.get(..at).unwrap_or(uri), uri.get(at + 1..)),
        None => (uri, fragment),
    };
    let repository = commit_page(repository).map_or(repository, |(repository, _)| repository);
    let repository = repository.trim_end_matches('/');
    let repository = repository.strip_suffix(".git").unwrap_or(repository);
    (repository, reference.filter(|reference| !reference.is_empty()))
}

/// True if both lead to the same repository.
pub(crate) fn same_repository(a: &str, b: &str) -> bool {
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

    /// Shapes as the builders document them; the same facts were read of their public files.
    #[test]
    fn each_builder_names_its_source_ref_and_commit() {
        let commit = "f0582e2c9a16b5cc2cde90e8be8f1b50fd67c631";
        let uri = "git+https://github.com/o/r@refs/tags/v1";
        let v02 = json!({
            "builder": {"id": "b"}, "buildType": "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
            "invocation": {"configSource": {"uri": uri, "digest": {"sha1": commit}, "entryPoint": "w.yml"}, "parameters": {}},
            "materials": [{"uri": uri, "digest": {"sha1": commit}}],
        });
        let v1 = |parameters: Value, dependencies: Value| {
            json!({"buildDefinition": {"externalParameters": parameters, "resolvedDependencies": dependencies},
                   "runDetails": {"builder": {"id": "b"}}})
        };
        let of = |uri: &str, algorithm: &str| json!({"uri": uri, "digest": {algorithm: commit}});
        let image = json!({"uri": "bash@sha256:9e2b", "digest": {"sha256": "9e".repeat(32)}});
        let cases = [
            ("slsa-github-generator, generic, Go, Node.js; npm before 9.6", "v0.2", v02),
            (
                "slsa-github-generator, delegated (Maven, Gradle, Bazel)",
                "v1",
                v1(json!({"inputs": {"artifact": "a"}, "vars": {}}), json!([of(uri, "gitCommit")])),
            ),
            (
                "slsa-github-generator, container-based",
                "v1",
                v1(
                    json!({"source": of(uri, "sha1"), "builderImage": image, "configPath": "c.toml"}),
                    json!([of(uri, "sha1"), image]),
                ),
            ),
            (
                "GitHub's attestations, npm, publish-to-bcr",
                "v1",
                v1(
                    json!({"workflow": {"ref": "refs/tags/v1", "repository": "https://github.com/o/r", "path": "w.yml"}}),
                    json!([of(uri, "gitCommit")]),
                ),
            ),
            (
                "Cloud Build with GitLab, which doubles the @",
                "v1",
                v1(
                    json!({"buildConfigSource": {"path": "c.yaml", "ref": "refs/tags/v1", "repository": "git+https://github.com/o/r"}}),
                    json!([of("git+https://github.com/o/r@@refs/tags/v1", "gitCommit"), image]),
                ),
            ),
        ];
        for (name, form, predicate) in cases {
            let read = provenance(form, &predicate);
            assert_eq!(read.builder.as_deref(), Some("b"), "{name}");
            assert!(!read.sources.is_empty(), "{name}");
            for source in &read.sources {
                assert!(source.is_of("git+https://github.com/o/r"), "{name}: {source:?}");
                assert_eq!(source.reference.as_deref(), Some("refs/tags/v1"), "{name}: {source:?}");
                assert_eq!(source.commits().next(), Some(commit), "{name}: {source:?}");
            }
        }
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
    fn what_stands_behind_a_hash_is_a_ref() {
        let commit = "f0582e2c9a16b5cc2cde90e8be8f1b50fd67c631";
        let buildkit = |uri: &str| {
            json!({
                "builder": {"id": ""},
                "buildType": "https://mobyproject.org/buildkit@v1",
                "invocation": {"configSource": {"uri": uri, "digest": {"sha1": commit}, "entryPoint": "Dockerfile"}},
                "materials": [
                    {"uri": "pkg:docker/alpine@3?platform=linux%2Famd64", "digest": {"sha256": "a".repeat(64)}},
                    {"uri": uri, "digest": {"sha1": commit}},
                ],
            })
        };
        let read = provenance("v0.2", &buildkit("https://github.com/o/r.git#refs/heads/main:app"));
        assert_eq!(read.sources.len(), 1);
        assert!(read.sources[0].is_of("https://github.com/o/r"));
        assert_eq!(read.sources[0].reference.as_deref(), Some("refs/heads/main"));
        assert_eq!(read.sources[0].commits().collect::<Vec<_>>(), [commit]);
        // Of a folder on somebody's disk there is no source: the base image is none.
        let mut local = buildkit("");
        local["invocation"]["configSource"] = json!({"entryPoint": "Dockerfile"});
        local["materials"].as_array_mut().unwrap().pop();
        assert_eq!(provenance("v0.2", &local).sources, []);
    }

    #[test]
    fn cloud_build_of_each_version() {
        let commit = "01ce393d04eb6df2a7b2b3e95d4126e687afb7ae";
        let id = "https://cloudbuild.googleapis.com/GoogleHostedWorker@v0.3";
        let old = |material: Value, arguments: Value| {
            provenance(
                "v0.1",
                &json!({"builder": {"id": id}, "materials": [material], "recipe": {"arguments": arguments}}),
            )
        };
        let read = old(
            json!({"uri": "https://github.com/o/r", "digest": {"sha1": commit}}),
            json!({"substitutions": {"TAG_NAME": "v39"}}),
        );
        assert_eq!((read.form, read.builder.as_deref()), (Form::SlsaV01, Some(id)));
        assert_eq!(read.sources[0].reference.as_deref(), Some("refs/tags/v39"));
        let read = old(json!({"uri": format!("https://github.com/o/r/commit/{commit}")}), json!({}));
        assert!(read.sources[0].is_of("git+https://github.com/o/r"));
        assert_eq!(read.sources[0].commits().collect::<Vec<_>>(), [commit]);
        let archive = json!({"uri": "gs://b/source/1.tgz#7", "digest": {"sha256": "a".repeat(64)}});
        let read = old(archive, json!({"substitutions": {"TAG_NAME": "v1"}}));
        assert_eq!((read.sources.len(), read.sources[0].reference.as_deref()), (1, None));
        let read = provenance(
            "v1",
            &json!({
                "buildDefinition": {
                    "externalParameters": {"buildConfigSource": {"path": "c.yaml", "ref": "refs/heads/main", "repository": "git+https://github.com/o/r"}},
                    "resolvedDependencies": [
                        {"uri": "git+https://github.com/o/r@refs/heads/main", "digest": {"gitCommit": commit}},
                        {"uri": "gcr.io/cloud-builders/docker@sha256:d0", "digest": {"sha256": "d".repeat(64)}},
                    ],
                },
                "runDetails": {"builder": {"id": "https://cloudbuild.googleapis.com/GoogleHostedWorker"}},
            }),
        );
        assert_eq!((read.sources.len(), read.sources[0].reference.as_deref()), (1, Some("refs/heads/main")));
    }

    #[test]
    fn the_definition_of_a_tekton_pipeline_is_no_source() {
        let git = |uri: &str, digit: &str| json!({"uri": uri, "digest": {"sha1": digit.repeat(40)}});
        let (app, catalog) = (
            git("git+https://github.com/o/app.git", "a"),
            git("git+https://github.com/tektoncd/catalog.git", "b"),
        );
        let older = provenance(
            "v0.2",
            &json!({
                "builder": {"id": "https://tekton.dev/chains/v2"},
                "buildType": "tekton.dev/v1beta1/PipelineRun",
                "invocation": {"configSource": catalog},
                "materials": [catalog, app],
            }),
        );
        assert_eq!(older.sources.len(), 1);
        assert!(older.sources[0].is_of("https://github.com/o/app"));
        let named = |mut material: Value, name: &str| {
            material["name"] = name.into();
            material
        };
        let newer = provenance(
            "v1",
            &json!({
                "buildDefinition": {
                    "buildType": "https://tekton.dev/chains/v2/slsa",
                    "externalParameters": {"runSpec": {}},
                    "resolvedDependencies": [named(catalog.clone(), "pipelineTask"), named(app, "inputs/result")],
                },
                "runDetails": {"builder": {"id": "https://tekton.dev/chains/v2"}},
            }),
        );
        assert_eq!(newer.sources, older.sources);
        // Where nothing else is named, the definition is all that there is.
        let alone = json!({"buildType": "tekton.dev/v1/TaskRun", "invocation": {"configSource": catalog}, "materials": [catalog]});
        assert!(provenance("v0.2", &alone).sources[0].is_of("https://github.com/tektoncd/catalog"));
    }

    #[test]
    fn witness_tells_by_the_token_of_the_job() {
        let collection = |attestations: Value| {
            let text = json!({
                "_type": super::super::statement::V01,
                "subject": [{"name": "https://witness.dev/attestations/product/v0.1/file:app", "digest": {"sha256": "ab"}}],
                "predicateType": "https://witness.testifysec.com/attestation-collection/v0.1",
                "predicate": {"name": "build", "attestations": attestations},
            });
            Provenance::from_statement(&InTotoStatement::parse(text.to_string().as_bytes()).unwrap()).unwrap()
        };
        let git = json!({"type": "https://witness.dev/attestations/git/v0.1", "attestation": {
            "commithash": "C0", "remotes": ["https://gitlab.com/g/other.git"]}});
        let gitlab = json!({"type": "https://witness.dev/attestations/gitlab/v0.1", "attestation": {
            "ciserverurl": "https://gitlab.com", "jwt": {"claims": {"project_path": "g/app", "ref": "main", "ref_type": "branch", "sha": "D0"}}}});
        let read = collection(json!([git, gitlab]));
        assert_eq!(read.builder.as_deref(), Some("https://gitlab.com"));
        assert_eq!(read.sources.len(), 1);
        assert!(read.sources[0].is_of("https://gitlab.com/g/app"));
        assert_eq!(read.sources[0].reference.as_deref(), Some("refs/heads/main"));
        assert_eq!(read.sources[0].commits().collect::<Vec<_>>(), ["d0"]);
        let read = collection(json!([git]));
        assert_eq!((read.builder, read.sources[0].commits().collect::<Vec<_>>()), (None, vec!["c0"]));
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
