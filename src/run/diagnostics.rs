//! Diagnostics of a run: what it was asked for and cannot be done.

use crate::diagnostic::{Diagnostic, SaidDiagnostic, diagnostics};
use crate::gather::diagnostics::GatherDiagnostic;
use crate::policy::PolicyError;
use crate::relate::BaseError;
use crate::report::ReadError;

diagnostics! {
    /// Reason why a run could not begin, or not deliver.
    pub enum RunDiagnostic {
        /// A flag without a value, as an empty variable of a script leaves it.
        "empty-value-of-a-flag" EmptyFlag { flag } => "{flag} is empty; is a variable of the script unset?";
        /// A path without a name.
        "empty-path" EmptyPath => "an empty PATH; is a variable of the script unset?";
        /// A file given by a flag is over its limit.
        "input-too-large" InputTooLarge { what, most: u64, kind: &'static str } => "{what}: is over the limit of {most} bytes{kind}";
        // The policy.
        /// A file is given where the name of a gate is wanted.
        "gate-is-a-file" GateIsAFile { gate } => "--gate {gate} is a name such as merge; a file is given with --policy", help "give a file with --policy";
        /// The folder of policies holds none for the gate.
        "gate-without-policy" GateWithoutPolicy { path, gate, hint } => "{path}: there is a folder .secgate, and the policy of gate `{gate}` is not in it{hint}";
        /// A policy is for another gate than was asked for.
        "policy-of-other-gate" PolicyOfOtherGate { source, is, wanted } => "{source}: the policy is for gate `{is}`, and gate `{wanted}` was asked for";
        /// A name that no embedded policy has.
        "no-embedded-policy" NoEmbeddedPolicy { flag, name, hint, known, file } => "{flag}{name}: no embedded policy has that name{hint} (there are {known}){file}";
        /// `--require-policy` is not a digest.
        "invalid-required-digest" InvalidRequiredDigest { name, digest } => "--require-policy wants sha256: and 64 hexadecimal digits ({name} has sha256:{digest})";
        /// The policy is another one than is demanded.
        "policy-not-required-one" PolicyNotRequiredOne { name, demanded, digest, extended }
            => "{name}: --require-policy demands {demanded}, and the policy has sha256:{digest}{extended}",
            help "look at what has changed in the policy; where that is meant, demand its new digest";
        /// A format that neither a reader nor a mapping has, although a mapping is called much the same.
        "no-such-mapping" NoSuchMapping { asked, own } => "`{asked}` is no format that secgate reads; did you mean `{own}`?", help "{own}";
        /// A mapping takes the name of a format.
        "mapping-shadows-format" MappingShadowsFormat { source, line: u64, id }
            => "{source}:{line}: `{id}` is a format that secgate reads by itself; give the mapping another name";
        // The change.
        /// A text that is not a full commit id.
        "invalid-commit" InvalidCommit { flag, shown } => "{flag} `{shown}` is not a full commit id of 40 or 64 hexadecimal digits";
        /// A subject is given twice.
        "subject-twice" SubjectTwice { subject } => "--subject {subject}= is given twice";
        /// Several subjects of a policy that is about one artifact.
        "subjects-of-one-artifact" SubjectsOfOneArtifact { times: usize } => "--subject is given {times} times; a policy without `subjects` is about one artifact";
        /// A subject of a policy that declares none.
        "policy-without-subjects" PolicyWithoutSubjects { subject, source } => "--subject {subject}=: {source} declares no `subjects`";
        /// A subject that the policy does not have.
        "no-such-subject" NoSuchSubject { subject, source, known } => "--subject {subject}=: {source} has no such subject; it has: {known}";
        /// An artifact that could be one of several subjects.
        "subject-not-named" SubjectNotNamed { source, known } => "--subject wants SUBJECT=NAME@sha256:HEX, because {source} has several: {known}";
        /// A subject is not an artifact with its digest.
        "invalid-subject" InvalidSubject { shown } => "--subject wants NAME@sha256:HEX with one `@` and 64 hexadecimal digits (or sha512: and 128), got `{shown}`";
        /// A parameter without a value.
        "invalid-parameter" InvalidParameter { shown } => "--param wants NAME=VALUE, got `{shown}`";
        /// A parameter that the policy does not have.
        "no-such-parameter" NoSuchParameter { name, source, known } => "--param {name}: {source} has no such parameter; it has {known}";
        /// A parameter is given twice.
        "parameter-twice" ParameterTwice { name } => "--param {name} is given twice";
        /// A parameter of the policy has no value.
        "parameter-without-value" ParameterWithoutValue { place, name, allowed } => "{place} has no value; give --param {name}=VALUE, one of {allowed}", help "--param {name}=VALUE";
        /// A parameter has a value that the policy does not list.
        "parameter-value-not-allowed" ParameterValueNotAllowed { place, value, allowed } => "{place} is `{value}`, which is not one of {allowed}";
        // Waivers and keys.
        /// A waiver file is not the one that the policy pins.
        "pinned-waivers-differ" PinnedWaivers { source, why } => "{source}: `waivers.pinned`: {why}",
            help "fetch the file that is pinned, or have the policy pin this one";
        /// Waivers are given to a policy that allows none.
        "waivers-not-allowed" WaiversNotAllowed { path, source } => "--waivers {path}: the policy {source} allows no waivers; `waivers: {{max_duration: 90d}}` in it does";
        /// Two waivers of several files have one id.
        "duplicate-waiver-id" DuplicateWaiverId { why } => "{why}";
        /// Waiver files are not valid.
        "invalid-waivers" InvalidWaivers { why } => "{why}";
        /// A key for secrets that is too short or too long.
        "invalid-secret-key" InvalidSecretKey { path, is: usize, least: usize }
            => "--secret-key {path}: holds {is} bytes, and a key has at least {least}; make one with: openssl rand -hex 32", help "openssl rand -hex 32";
        // The base.
        /// A baseline that is not one.
        "invalid-baseline" InvalidBaseline { path, why: BaseError } => "--baseline {path}:{why}";
        /// A diff that is not one.
        "invalid-diff" InvalidDiff { flag: &'static str, name, why: BaseError } => "{flag} {name}:{why}";
        /// A diff that shows nothing.
        "empty-diff" EmptyDiff { name } => "--diff {name}: is empty, so it shows no change; did git fail?";
        /// A baseline whose secrets cannot be compared.
        "baseline-of-other-key" BaselineOfOtherKey { path, known, given }
            => "--baseline {path}: its secrets were written under another key ({known}) than that of --secret-key ({given})";
        /// A base that the policy does not compare with.
        "base-not-in-policy" BaseNotInPolicy { flag: &'static str, source, line: u64, words, word }
            => "{flag}: {source}:{line} compares with {words} and not with {word}; add it to `from`";
        /// The working directory is not in the repository.
        "outside-the-repository" OutsideTheRepository { directory, top } => "{directory} is not below {top}";
        // Git.
        /// Git cannot be started.
        "git-missing" GitMissing { command, why } => "git {command}: git cannot be run: {why}", help "install git, or give the change with --diff";
        /// The repository belongs to another user.
        "git-distrusts-owner" GitDistrustsOwner { folder }
            => "git does not trust the repository at {folder}, which belongs to another user; allow it with: git config --global --add safe.directory {folder}",
            help "git config --global --add safe.directory {folder}";
        /// Git ended with an error.
        "git-failed" GitFailed { command, why } => "git {command}: {why}";
        /// Git printed something that is not a commit.
        "git-without-commit" GitWithoutCommit { revision } => "git rev-parse {revision}: gave no commit";
        /// A revision that this clone does not have.
        "unknown-revision" UnknownRevision { name, hint } => "git knows no commit or branch `{name}` here; a shallow clone of CI needs GIT_DEPTH: 0{hint}", help "GIT_DEPTH: 0";
        /// A revision that a tag, a branch or a commit can be meant by.
        "ambiguous-revision" AmbiguousRevision { name, found, full }
            => "`{name}` is short for {found}, and which is meant decides what is new; write the full ref, such as `{full}`, or the full commit id";
        /// A clone without the commit where the change began.
        "shallow-clone" ShallowClone { name }
            => "`{name}` and HEAD have no common commit in this shallow clone; a clone of CI needs GIT_DEPTH: 0; fetch the rest with: git fetch --unshallow origin",
            help "git fetch --unshallow origin";
        /// Two histories without a common commit.
        "no-common-commit" NoCommonCommit { name } => "`{name}` and HEAD have no common commit; is it the branch that this change is to be merged into?";
        /// Git printed a list of another shape.
        "git-of-other-shape" GitOfOtherShape { commit, what: &'static str } => "git ls-tree {commit}: wrote a line {what}";
        // Saved runs.
        /// No path is a run.
        "no-runs" NoRuns => "no run given; give folders, each with the reports of one pipeline", help "give folders, each with the reports of one pipeline";
        /// A saved run, or a file of it, that cannot be read.
        "run-unreadable" RunUnreadable { why } => "the run cannot be read: {why}";
        /// A line that is not a run.
        "broken-run-line" BrokenRunLine { number: u64, why } => "line {number}: {why}";
        /// A folder that may be one run or several.
        "one-run-or-many" OneRunOrMany { folder, part, one, other }
            => "{folder}: holds {part} as a run does, and {one} and {other} below it are alike as two runs are; nobody can say whether it is one run or many",
            help "put a run.json into each run";
        /// A run that does not say when it was.
        "run-without-time" RunWithoutTime => "does not say when it ran, and none of its reports does; it is judged by no other clock",
            help "give `time` in run.json or in its line, or --now for all";
        /// A time of a run that is none.
        "invalid-run-time" InvalidRunTime { shown } => "`time` is `{shown}`, which is not RFC 3339";
        /// Two runs of one id.
        "run-twice" RunTwice { id } => "a run before it has the id `{id}`, too; what is counted twice is counted wrong", help "give each run an id of its own";
        /// A path is more than one run where one is wanted.
        "several-runs" SeveralRuns => "is more than one run", help "name one of them: PATH#ID";
        /// No run of that id.
        "no-such-run" NoSuchRun { id } => "holds no run `{id}`";
        /// A run that holds no policy, of a gate that has no embedded one.
        "run-without-policy" RunWithoutPolicy { name, gate } => "holds no {name}, and no embedded policy is called `{gate}`", help "give the policy with --policy";
        /// The inputs that are known do not make the difference.
        "unexplained-verdict" UnexplainedVerdict => "the inputs that secgate swaps do not lead to these verdicts: a bug; please report it";
        /// Rows are continued for other runs than they are of.
        "resumed-other-runs" ResumedOtherRuns => "the rows are of other runs than these, or of the same in another order", help "give an empty folder";
        // Afterwards.
        /// A file was changed while the run read it.
        "file-changed-during-run" FileChangedDuringRun => "was changed while it was read, so that nobody can say what was decided on", help "let nothing write to the file while the gate runs";
        /// Something failed for which there is no code of its own.
        "run-failed" RunFailed { why } => "{why}";
    }
}

/// Message of an error, with the code of the first of its causes that has one.
pub fn said(error: &anyhow::Error) -> SaidDiagnostic {
    let message = format!("{error:#}");
    let coded = error.chain().find_map(|cause| {
        let of_policy = |error: &PolicyError| {
            let problem = error.problems().first()?;
            Some((problem.code().to_owned(), problem.suggestion().map(str::to_owned)))
        };
        let of = |diagnostic: &dyn Diagnostic| (diagnostic.code().to_owned(), diagnostic.suggestion());
        let run = cause.downcast_ref::<RunDiagnostic>().map(|d| of(d));
        run.or_else(|| cause.downcast_ref::<SaidDiagnostic>().map(|d| of(d)))
            .or_else(|| cause.downcast_ref::<GatherDiagnostic>().map(|d| of(d)))
            .or_else(|| cause.downcast_ref::<ReadError>().map(|d| of(d)))
            .or_else(|| cause.downcast_ref::<PolicyError>().and_then(of_policy))
    });
    let (code, suggestion) = coded.unwrap_or_else(|| {
        let failed = RunDiagnostic::RunFailed { why: String::new() };
        (failed.code().to_owned(), None)
    });
    SaidDiagnostic { message, code, suggestion }
}
