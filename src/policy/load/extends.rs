//! A policy with the files that it names: mappings, and the policy that it extends with what that one names.

use std::collections::BTreeMap;

use super::super::compare::{self, LoosenedClause};
use super::super::error::{PolicyProblems, SourcePosition, quoted};
use super::super::source_line::PolicyLines;
use super::super::written::node::{Node, NodeKind};
use super::super::written::{self, At, FromNode as _};
use super::super::{EmbeddedRoot, Policy, PolicyError, PolicyFile, ReportMapping, validate};
use super::overlay::overlay;
use super::{NeighbourFiles, POLICY, load_mappings, sha256, utf8, yaml};
use crate::finding::clean_line;
use crate::policy::diagnostics::PolicyDiagnostic;

/// Most policies between a policy and the last that it extends: organisation, division, team and room to spare.
const LONGEST: usize = 8;

/// A policy, with the tree that it was made of.
pub(in super::super) struct Loaded {
    pub(in super::super) tree: Node,
    pub(in super::super) policy: Policy,
}

/// Reads and checks a policy with all its files.
pub(in super::super) fn load(
    source: &str,
    bytes: &[u8],
    file: &mut NeighbourFiles<'_>,
) -> Result<Loaded, PolicyError> {
    let path = source.rsplit('/').next().unwrap_or(source).to_owned();
    let mut chain = Chain { file, files: Vec::new(), mappings: BTreeMap::new(), keys: BTreeMap::new() };
    chain.load(source.to_owned(), path, bytes)
}

/// A policy and all that it inherits as one YAML text, with where each line comes from.
pub fn effective(source: &str, bytes: &[u8], file: &mut NeighbourFiles<'_>) -> Result<String, PolicyError> {
    let path = source.rsplit('/').next().unwrap_or(source).to_owned();
    let mut chain = Chain { file, files: Vec::new(), mappings: BTreeMap::new(), keys: BTreeMap::new() };
    let Loaded { mut tree, .. } = chain.load(source.to_owned(), path, bytes)?;
    let mut names: Vec<String> = chain.files.iter().map(|file| file.source.clone()).collect();
    chain.inline(&mut tree, &mut names);
    Ok(super::effective::yaml(&tree, &names))
}

/// One file of the chain.
struct ChainFile {
    source: String,
    text: String,
    /// Relative to the folder of the first.
    path: String,
}

struct Chain<'c, 'f> {
    file: &'c mut NeighbourFiles<'f>,
    /// The policy and those that it extends, by the number that their marks have.
    files: Vec<ChainFile>,
    /// The files of mappings, by their path relative to the folder of the first.
    mappings: BTreeMap<String, MappingFile>,
    /// Contents of the files of keys, by the same kind of path, or why they hold nothing.
    keys: BTreeMap<String, Result<Vec<u8>, String>>,
}

/// A file of mappings that was read.
struct MappingFile {
    name: String,
    sha256: String,
    bytes: Vec<u8>,
    mappings: Vec<ReportMapping>,
}

impl Chain<'_, '_> {
    fn load(&mut self, source: String, path: String, bytes: &[u8]) -> Result<Loaded, PolicyError> {
        let number = u16::try_from(self.files.len()).unwrap_or(u16::MAX);
        self.files.push(ChainFile { source: source.clone(), text: String::new(), path });
        let mut problems = PolicyProblems::default();
        let Some(text) = utf8(bytes, POLICY, &mut problems) else {
            problems.in_file(number);
            return Err(self.error(problems));
        };
        if let Some(file) = self.files.last_mut() {
            text.clone_into(&mut file.text);
        }
        let Some(mut tree) = yaml::tree_of(number, text, POLICY, &mut problems) else {
            return Err(self.error(problems));
        };
        let mut files = Vec::new();
        let mut parent = None;
        if let Some(node) = tree.take("extends") {
            let Some(extends) = Extends::from_node(&node, &mut problems) else {
                return Err(self.error(problems));
            };
            parent = self.parent(&extends, &mut problems)?;
            let Some(below) = &mut parent else { return Err(self.error(problems)) };
            files.push(PolicyFile { path: extends.path.value, sha256: extends.sha256.clone() });
            let under = std::mem::replace(
                &mut below.tree,
                Node { at: SourcePosition::START, kind: NodeKind::Broken },
            );
            tree = overlay(under, tree, &mut problems);
        }
        let mut written = written::Policy::from_node(&tree, "policy", &mut problems);
        if let Some(table) = written.as_mut().and_then(|written| written.mappings.as_mut()) {
            let named = table.value.0.iter_mut().filter_map(|(_, mapping)| mapping.value.file.as_mut());
            for path in named {
                self.mapping(path, number, &mut files, &mut problems)?;
            }
        }
        let mappings =
            self.mappings.iter().map(|(path, file)| (path.clone(), file.mappings.clone())).collect();
        if let Some(table) = written.as_mut().and_then(|written| written.keys.as_mut()) {
            for (_, key) in &mut table.value.0 {
                let written::Key { file, trusted_root, timestamps, .. } = &mut key.value;
                let roots = trusted_root.iter_mut().chain(timestamps);
                let roots = roots.filter(|root| EmbeddedRoot::from_word(&root.value).is_none());
                for path in file.iter_mut().chain(roots) {
                    self.key(path);
                }
            }
        }
        let files_held = validate::Files { mappings, keys: self.keys.clone() };
        let policy = written.and_then(|written| validate::policy(written, &files_held, &mut problems));
        let Some(policy) = policy.filter(|_| problems.is_empty()) else {
            // Whoever gives up says why; should that ever be forgotten, the policy is still not used.
            if problems.is_empty() {
                problems.add(
                    SourcePosition { file: number, ..SourcePosition::START },
                    PolicyDiagnostic::WrongFileKind { what: "a policy" },
                );
            }
            return Err(self.error(problems));
        };
        let names = self.files.iter().map(|file| file.source.clone()).collect();
        let mut policy = Policy {
            source,
            sha256: digest(sha256(bytes), &files),
            files,
            places: PolicyLines::from_tree(&tree, names),
            ..policy
        };
        if let Some(Loaded { policy: parent, .. }) = parent {
            tightened(&parent, &policy, &mut problems);
            policy.ancestors = policy.files.first().cloned().into_iter().chain(parent.ancestors).collect();
        }
        if problems.is_empty() { Ok(Loaded { tree, policy }) } else { Err(self.error(problems)) }
    }

    /// The policy that is extended; `None` after a problem.
    fn parent(
        &mut self,
        extends: &Extends,
        problems: &mut PolicyProblems,
    ) -> Result<Option<Loaded>, PolicyError> {
        let (at, written) = (extends.path.at, &extends.path.value);
        let Some(path) = self.resolved(written) else {
            problems.add(
                at,
                PolicyDiagnostic::PathOutside {
                    key: "file",
                    shown: quoted(written),
                    where_to: "is not a path relative to the policy",
                    such: "such as ../organisation/merge.yaml",
                },
            );
            return Ok(None);
        };
        if self.files.iter().any(|file| file.path == path) {
            problems.add(at, PolicyDiagnostic::ExtendsItself { shown: quoted(written) });
            return Ok(None);
        }
        if self.files.len() > LONGEST {
            problems.add(at, PolicyDiagnostic::ExtendsTooMany { most: LONGEST });
            return Ok(None);
        }
        let (name, bytes) = match (self.file)(&path) {
            Ok(found) => found,
            Err(why) => {
                problems.add(
                    at,
                    PolicyDiagnostic::ExtendsUnreadable {
                        shown: quoted(written),
                        why: clean_line(&why).into_owned(),
                    },
                );
                return Ok(None);
            }
        };
        let number = self.files.len();
        let (digest, loaded) = match self.load(name, path, &bytes) {
            Ok(loaded) => (loaded.policy.sha256.clone(), Ok(loaded)),
            // A file with a fault is shown only if it is the one that is demanded.
            Err(error) => (sha256(&bytes), Err(error)),
        };
        if digest == extends.sha256 {
            return loaded.map(Some);
        }
        self.files.truncate(number);
        problems.add(extends.at, PolicyDiagnostic::ExtendsChanged { shown: quoted(written), is: digest });
        Ok(None)
    }

    /// Reads a file of mappings, once; `path` becomes relative to the folder of the first policy.
    fn mapping(
        &mut self,
        path: &mut At<String>,
        number: u16,
        files: &mut Vec<PolicyFile>,
        problems: &mut PolicyProblems,
    ) -> Result<(), PolicyError> {
        let climbs = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\\', ':']);
        if path.value.split('/').any(climbs) {
            problems.add(
                path.at,
                PolicyDiagnostic::PathOutside {
                    key: "file",
                    shown: quoted(&path.value),
                    where_to: "does not stay below the policy's folder",
                    such: "relative to the policy, such as mappings/acme.yaml",
                },
            );
            return Ok(());
        }
        let own = path.at.file == number;
        let written = path.value.clone();
        let folder = self.files.get(usize::from(path.at.file)).map_or("", |file| folder(&file.path));
        path.value = format!("{folder}{written}");
        if !self.mappings.contains_key(&path.value) {
            match (self.file)(&path.value) {
                Ok((name, bytes)) => {
                    let mappings = load_mappings(&name, &bytes)?;
                    let read = MappingFile { name, sha256: sha256(&bytes), bytes, mappings };
                    self.mappings.insert(path.value.clone(), read);
                }
                Err(why) => {
                    problems.add(
                        path.at,
                        PolicyDiagnostic::FileUnreadable {
                            shown: quoted(&written),
                            why: clean_line(&why).into_owned(),
                        },
                    );
                    return Ok(());
                }
            }
        }
        if let Some(file) = self.mappings.get(&path.value).filter(|_| own)
            && !files.iter().any(|known| known.path == written)
        {
            files.push(PolicyFile { path: written, sha256: file.sha256.clone() });
        }
        Ok(())
    }

    /// Reads a key, once; `path` becomes relative to the folder of the first policy. Its digest stands in the policy, so
    /// that it is no part of the policy's digest, and where it is missing only the rules that need it cannot be decided.
    fn key(&mut self, path: &mut At<String>) {
        let folder = self.files.get(usize::from(path.at.file)).map_or("", |file| folder(&file.path));
        let full = format!("{folder}{}", path.value);
        if !self.keys.contains_key(&full) {
            let bytes = (self.file)(&full).map(|(_, bytes)| bytes);
            let bytes = bytes.map_err(|why| format!("{}: {}", clean_line(&full), clean_line(&why)));
            self.keys.insert(full.clone(), bytes);
        }
        path.value = full;
    }

    /// Puts mappings that stand in files where the policy names them, because a text that is printed has no folder.
    fn inline(&self, tree: &mut Node, names: &mut Vec<String>) {
        let Some(NodeKind::Map(mappings)) = tree.get_mut("mappings").map(|node| &mut node.kind) else {
            return;
        };
        for (name, mapping) in mappings {
            let at = mapping.at.file;
            let Some(path) = mapping.get_mut("file").and_then(|node| node.text().map(str::trim)) else {
                continue;
            };
            let folder = self.files.get(usize::from(at)).map_or("", |file| folder(&file.path));
            let Some(file) = self.mappings.get(&format!("{folder}{path}")) else { continue };
            let number = u16::try_from(names.len()).unwrap_or(u16::MAX);
            let mut problems = PolicyProblems::default();
            let text = utf8(&file.bytes, POLICY, &mut problems).unwrap_or_default();
            let read = yaml::tree_of(number, text, POLICY, &mut problems);
            let whole = read.and_then(|mut tree| tree.get_mut("mappings")?.take(&name.text));
            if let Some(whole) = whole {
                names.push(file.name.clone());
                *mapping = whole;
            }
        }
    }

    /// A path that the last file gives, relative to the folder of the first.
    fn resolved(&self, written: &str) -> Option<String> {
        if written.starts_with(['/', '~']) || written.contains(['\\', ':']) || written.ends_with('/') {
            return None;
        }
        let folder = self.files.last().map_or("", |file| folder(&file.path));
        let mut parts: Vec<&str> = Vec::new();
        for part in folder.split('/').chain(written.split('/')).filter(|part| !matches!(*part, "" | ".")) {
            match part {
                ".." if parts.last().is_some_and(|last| *last != "..") => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        parts.last().is_some_and(|last| *last != "..").then(|| parts.join("/"))
    }

    fn error(&self, problems: PolicyProblems) -> PolicyError {
        let files: Vec<(&str, &str)> =
            self.files.iter().map(|file| (file.source.as_str(), file.text.as_str())).collect();
        PolicyError::from_problems(&files, problems)
    }
}

/// The folder of a path with its `/`, or nothing.
fn folder(path: &str) -> &str {
    path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or_default()
}

/// Path and digest that `extends` gives.
struct Extends {
    at: SourcePosition,
    path: At<String>,
    sha256: String,
}

impl Extends {
    fn from_node(node: &Node, problems: &mut PolicyProblems) -> Option<Self> {
        let written = written::Extends::from_node(node, "extends", problems)?;
        Some(Self { at: node.at, path: written.file?, sha256: written.sha256?.value.0 })
    }
}

/// The digest of all the policy's files.
fn digest(policy: String, files: &[PolicyFile]) -> String {
    if files.is_empty() {
        return policy;
    }
    let lines = files.iter().fold(format!("{policy}\n"), |lines, file| lines + &file.sha256 + "\n");
    sha256(lines.as_bytes())
}

/// Reports everything in which a policy is less strict than the one that it extends.
fn tightened(parent: &Policy, child: &Policy, problems: &mut PolicyProblems) {
    for looser in compare::policies(parent, child) {
        // A child may bring evidence and people of its own.
        if looser.adds {
            continue;
        }
        let place = looser.before_at.as_ref().map_or_else(String::new, ToString::to_string);
        let at = child.places.mark(&looser.path());
        let LoosenedClause { clause, before, after, .. } = looser;
        problems.add(
            at,
            if before == compare::NOT_THERE {
                PolicyDiagnostic::NotInherited { clause, after, place }
            } else {
                PolicyDiagnostic::LooserThanInherited { clause, after, place, before }
            },
        );
    }
}
