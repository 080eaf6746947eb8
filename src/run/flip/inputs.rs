//! The inputs of a run that can differ, each of which can be taken from another run by itself.

/// An input of a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RunInput {
    /// The policy, with all that it names.
    Policy,
    /// The clock.
    Clock,
    /// The commits that evidence may be about.
    Commit,
    /// The artifacts.
    Artifacts,
    /// Who made the change.
    Author,
    /// The project's path.
    Project,
    /// CODEOWNERS.
    Codeowners,
    /// The value of a parameter.
    Parameter(String),
    /// A file of waivers.
    Waivers(String),
    /// The baseline.
    Baseline,
    /// The diff of the change.
    Diff,
    /// What came of the comparison with a base, where nothing else is kept of it.
    Base,
    /// What is suppressed more than in the base.
    Suppressions,
    /// A report, or a part of it.
    Report(String, ReportPart),
    /// One difference between the findings of a report, by its number.
    Finding(String, usize),
    /// A document or feed.
    Document(String),
}

/// A part of a report that counts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ReportPart {
    /// That it is there at all.
    Presence,
    /// Its findings.
    Findings,
    /// The tool that wrote it.
    Tool,
    /// When it was made.
    Time,
    /// The commit and the image that it is about.
    Subject,
    /// What it says of its scan, or why it cannot be read.
    Scan,
}

impl ReportPart {
    /// Parts of a report that both runs have.
    pub(super) const OF_BOTH: [Self; 5] = [Self::Findings, Self::Tool, Self::Time, Self::Subject, Self::Scan];
}

impl RunInput {
    /// Its name for people: the file, or what it is.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Policy => "policy".to_owned(),
            Self::Clock => "clock".to_owned(),
            Self::Commit => "commit".to_owned(),
            Self::Artifacts => "artifacts".to_owned(),
            Self::Author => "author".to_owned(),
            Self::Project => "project".to_owned(),
            Self::Codeowners => "CODEOWNERS".to_owned(),
            Self::Parameter(name) => format!("parameter {name}"),
            Self::Baseline => "baseline".to_owned(),
            Self::Diff => "diff".to_owned(),
            Self::Base => "base".to_owned(),
            Self::Suppressions => "suppressions".to_owned(),
            Self::Waivers(name) | Self::Report(name, _) | Self::Finding(name, _) | Self::Document(name) => {
                name.clone()
            }
        }
    }

    /// The report whose findings it is, all of them.
    pub(super) fn findings_of(&self) -> Option<&str> {
        match self {
            Self::Report(name, ReportPart::Findings) => Some(name),
            _ => None,
        }
    }
}
