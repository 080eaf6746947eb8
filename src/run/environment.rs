//! The only place that reads the environment: a closed list of variables, each shown in the output.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::decide::{Artifact, Context, ContextView};
use crate::finding::{clean_line, is_hex};
use crate::policy::Policy;
use crate::run::diagnostics::RunDiagnostic;

/// GitLab's predefined variables that a run may read.
const READ: [&str; 9] = [
    "CI_COMMIT_SHA",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA",
    "CI_PROJECT_PATH",
    "CI_PROJECT_DIR",
    "CI_PIPELINE_URL",
    "CI_JOB_ID",
    "CI_ENVIRONMENT_NAME",
    "CI_COMMIT_AUTHOR",
    "GITLAB_USER_LOGIN",
];

/// Variables that were read, with their values.
#[derive(Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the closed list, or nothing.
    pub(crate) fn read_variables(no_env: bool) -> Self {
        let mut environment = Self::default();
        if !no_env {
            for name in READ {
                environment.read_variable(name);
            }
        }
        environment
    }

    /// Variables of a run that was saved, as far as it tells.
    pub(crate) fn of_saved_run(project: Option<&str>, author: Option<&str>) -> Self {
        let told = [("CI_PROJECT_PATH", project), ("GITLAB_USER_LOGIN", author)];
        let told = told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
        Self(told.collect())
    }

    fn read_variable(&mut self, name: &str) {
        if let Some(value) = std::env::var_os(name) {
            self.0.insert(name.to_owned(), value.to_string_lossy().into_owned());
        }
    }

    /// The value of a variable; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Facts that outputs show.
    pub(crate) fn context_view(&self, commit: Option<&str>) -> ContextView {
        let text = |name| self.get(name).map(|value| clean_line(value).into_owned());
        ContextView {
            commit: commit.map(str::to_owned),
            project: text("CI_PROJECT_PATH"),
            pipeline_url: text("CI_PIPELINE_URL"),
            author: text("GITLAB_USER_LOGIN").or_else(|| text("CI_COMMIT_AUTHOR")),
            subjects: Vec::new(),
            parameters: BTreeMap::new(),
            env: self.0.iter().map(|(name, value)| (name.clone(), clean_line(value).into_owned())).collect(),
            codeowners: None,
        }
    }

    /// Who made the change: user name, and name and address of the commit's author.
    fn authors(&self) -> Vec<String> {
        let mut authors: Vec<String> = self.get("GITLAB_USER_LOGIN").into_iter().map(str::to_owned).collect();
        if let Some(commit) = self.get("CI_COMMIT_AUTHOR") {
            let parts = commit.rsplit_once('<').map_or((commit, ""), |(name, address)| (name, address));
            let both = [parts.0.trim(), parts.1.trim().trim_end_matches('>').trim()];
            authors.extend(both.into_iter().filter(|part| !part.is_empty()).map(str::to_owned));
        }
        authors
    }

    /// Prefixes of paths that are the project's root: what is said, and where it leads without links; of nothing said the
    /// current directory.
    pub(crate) fn roots(&self, root: Option<&str>) -> Vec<String> {
        let said = root.or_else(|| self.get("CI_PROJECT_DIR"));
        let real = Path::new(said.unwrap_or(".")).canonicalize().ok();
        let real =
            real.filter(|path| path.parent().is_some()).map(|path| path.to_string_lossy().into_owned());
        let mut roots: Vec<String> = said.into_iter().map(str::to_owned).collect();
        roots.extend(real.filter(|real| said != Some(real)));
        roots
    }
}

/// Context of the run from the flags.
#[derive(Clone, Copy)]
pub(crate) struct RunFlags<'a> {
    pub(crate) commit: Option<&'a str>,
    pub(crate) subjects: &'a [String],
    pub(crate) parameters: &'a [String],
    pub(crate) no_env: bool,
}

/// The context of a run under a policy, at a time that its caller says.
pub(crate) fn context(
    about: &RunFlags<'_>,
    environment: &mut Environment,
    policy: &Policy,
    now: Timestamp,
) -> Result<Context> {
    let commit = match about.commit {
        Some(commit) => Some(parse_commit("--commit", commit)?),
        None => environment.get("CI_COMMIT_SHA").map(|c| parse_commit("CI_COMMIT_SHA", c)).transpose()?,
    };
    let mut commits: Vec<String> = commit.iter().cloned().collect();
    if let Some(source) = environment.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") {
        commits.push(parse_commit("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", source)?);
    }
    let artifacts = artifacts(about.subjects, policy)?;
    let parameters = parameters(about, environment, policy)?;
    let parameters_shown = parameters.clone();
    let shown = ContextView {
        subjects: artifacts.clone(),
        parameters: parameters_shown,
        ..environment.context_view(commit.as_deref())
    };
    let login = environment.get("GITLAB_USER_LOGIN").map(str::to_owned);
    let authors = environment.authors();
    Ok(Context { commits, artifacts, authors, login, parameters, shown, ..Context::at(now) })
}

/// The same under another policy than the one that the flags were written for: what it does not know is not told it.
pub(crate) fn another_context(
    about: &RunFlags<'_>,
    environment: &mut Environment,
    policy: &Policy,
    now: Timestamp,
) -> Result<Context> {
    let known = |text: &&String| {
        text.split_once('=').is_some_and(|(name, _)| policy.parameters.iter().any(|p| p.name == name))
    };
    let parameters: Vec<String> = about.parameters.iter().filter(known).cloned().collect();
    let fits = |text: &&String| parse_subject(text, policy).is_ok();
    let subjects: Vec<String> = about.subjects.iter().filter(fits).cloned().collect();
    context(&RunFlags { parameters: &parameters, subjects: &subjects, ..*about }, environment, policy, now)
}

/// A full commit id, SHA-1 or SHA-256.
pub(crate) fn parse_commit(flag: &str, text: &str) -> Result<String> {
    let hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    if !(hex && matches!(text.len(), 40 | 64)) {
        bail!(RunDiagnostic::InvalidCommit { flag: flag.to_owned(), shown: clean_line(text).into_owned() });
    }
    Ok(text.to_ascii_lowercase())
}

/// Subject of the run: at most one artifact for each subject of the policy, and one where it declares none.
fn artifacts(given: &[String], policy: &Policy) -> Result<Vec<Artifact>> {
    let mut artifacts: Vec<Artifact> = Vec::new();
    for text in given {
        let artifact = parse_subject(text, policy)?;
        if artifacts.iter().any(|known| known.subject == artifact.subject) {
            match &artifact.subject {
                Some(subject) => bail!(RunDiagnostic::SubjectTwice { subject: subject.clone() }),
                None => bail!(RunDiagnostic::SubjectsOfOneArtifact { times: given.len() }),
            }
        }
        artifacts.push(artifact);
    }
    Ok(artifacts)
}

/// `[SUBJECT=]NAME@sha256:HEX`; `SUBJECT=` may be left out if the policy names at most one.
fn parse_subject(text: &str, policy: &Policy) -> Result<Artifact> {
    let known: Vec<&str> = policy.subjects.iter().map(|s| s.name.as_str()).collect();
    let (subject, rest) = match (text.split_once('='), known.as_slice()) {
        (Some((subject, rest)), _) if known.contains(&subject) => (Some(subject), rest),
        (Some((subject, _)), []) => {
            bail!(RunDiagnostic::PolicyWithoutSubjects {
                subject: clean_line(subject).into_owned(),
                source: policy.source.clone(),
            })
        }
        (Some((subject, _)), _) => bail!(RunDiagnostic::NoSuchSubject {
            subject: clean_line(subject).into_owned(),
            source: policy.source.clone(),
            known: known.join(", "),
        }),
        (None, []) => (None, text),
        (None, [one]) => (Some(*one), text),
        (None, _) => {
            bail!(RunDiagnostic::SubjectNotNamed { source: policy.source.clone(), known: known.join(", ") })
        }
    };
    // Of two digests nobody can say which is meant.
    let parts = rest.rsplit_once('@').filter(|(name, _)| !name.is_empty() && !name.contains('@'));
    let is_digest = |digest: &str, algorithm: &str, length: usize| {
        let hex = digest.strip_prefix(algorithm).and_then(|rest| rest.strip_prefix(':'));
        hex.is_some_and(|hex| hex.len() == length && is_hex(hex))
    };
    match parts.filter(|(_, digest)| is_digest(digest, "sha256", 64) || is_digest(digest, "sha512", 128)) {
        Some((name, digest)) => Ok(Artifact {
            subject: subject.map(str::to_owned),
            name: clean_line(name).into_owned(),
            digest: digest.to_ascii_lowercase(),
        }),
        _ => {
            bail!(RunDiagnostic::InvalidSubject { shown: clean_line(text).into_owned() })
        }
    }
}

/// A value for each parameter of the policy: from `--param`, else from the variable that the policy names.
fn parameters(
    about: &RunFlags<'_>,
    environment: &mut Environment,
    policy: &Policy,
) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for text in about.parameters {
        let Some((name, value)) = text.split_once('=') else {
            bail!(RunDiagnostic::InvalidParameter { shown: clean_line(text).into_owned() });
        };
        if !policy.parameters.iter().any(|p| p.name == name) {
            let known: Vec<&str> = policy.parameters.iter().map(|p| p.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            bail!(RunDiagnostic::NoSuchParameter {
                name: clean_line(name).into_owned(),
                source: policy.source.clone(),
                known,
            });
        }
        if values.insert(name.to_owned(), value.to_owned()).is_some() {
            bail!(RunDiagnostic::ParameterTwice { name: name.to_owned() });
        }
    }
    for parameter in &policy.parameters {
        if !values.contains_key(&parameter.name)
            && let Some(variable) = parameter.env.as_ref().filter(|_| !about.no_env)
        {
            environment.read_variable(variable);
            if let Some(value) = environment.get(variable) {
                values.insert(parameter.name.clone(), value.to_owned());
            }
        }
        let allowed = parameter.one_of.join(", ");
        let place = format!("{}:{}: parameter `{}`", policy.source, parameter.line, parameter.name);
        match values.get(&parameter.name) {
            value if value.is_none_or(|value| !parameter.lists(value)) && parameter.default.is_some() => {
                values.extend(parameter.default.clone().map(|value| (parameter.name.clone(), value)));
            }
            None => {
                bail!(RunDiagnostic::ParameterWithoutValue { place, name: parameter.name.clone(), allowed })
            }
            Some(value) if !parameter.lists(value) => {
                bail!(RunDiagnostic::ParameterValueNotAllowed {
                    place,
                    value: clean_line(value).into_owned(),
                    allowed,
                });
            }
            Some(_) => {}
        }
    }
    Ok(values)
}
