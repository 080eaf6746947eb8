//! The closed sets of words a finding is described with.

use serde::{Deserialize, Serialize};

/// Declares an enum whose words in policies and outputs are written once.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in policies and outputs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a word, exactly as [`Self::as_str`] writes it.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// Kind of problem that a finding is.
    Category {
        /// Weakness in the project's own code.
        Sast = "sast",
        /// Credential in the project.
        Secret = "secret",
        /// Known vulnerability of a package.
        Vulnerability = "vulnerability",
        /// Unsafe configuration of infrastructure.
        Misconfiguration = "misconfiguration",
        /// Licence of a package.
        License = "license",
        /// Weakness found by talking to the running application.
        Dast = "dast",
        /// Problem of an API description.
        Contract = "contract",
        /// Quality signal: tests, coverage, quality gate.
        Quality = "quality",
    }
}

words! {
    /// How sure the scanner is; ordered from the least to the most sure.
    Confidence {
        /// A guess.
        Low = "low",
        /// Likely.
        Medium = "medium",
        /// As good as certain.
        High = "high",
    }
}

words! {
    /// Whether a fixed version exists.
    Fix {
        /// The report names a fixed version.
        Available = "available",
        /// The report says that there is none.
        None = "none",
        /// The report does not say.
        Unknown = "unknown",
    }
}

words! {
    /// Which kind of dependency a package is.
    Scope {
        /// Part of what ships.
        Production = "production",
        /// Needed to build or to test only.
        Development = "development",
    }
}

words! {
    /// Whether the vulnerable code can be reached from the project's own.
    #[derive(Default)]
    Reachability {
        /// The tool saw a way to it.
        Yes = "yes",
        /// The tool looked for a way to it and saw none.
        No = "no",
        /// The report does not say.
        #[default]
        Unknown = "unknown",
    }
}

words! {
    /// How far exploits of a vulnerability are known to be; ordered from the least to the most.
    ExploitMaturity {
        /// None is known, or only in theory.
        Unproven = "unproven",
        /// There is one that shows that it works.
        ProofOfConcept = "proof_of_concept",
        /// There is one that works in most situations.
        Functional = "functional",
        /// It needs no skill, or attacks are seen.
        High = "high",
    }
}

words! {
    /// Relative to the base of the change.
    #[derive(Default)]
    State {
        /// Introduced by this change, or nothing shows otherwise.
        #[default]
        New = "new",
        /// Known before this change.
        Existing = "existing",
        /// The package was in the base; its advisory is younger.
        NewlyDisclosed = "newly_disclosed",
    }
}

words! {
    /// How a finding was recognised as one of the base.
    Stage {
        /// The same finding stands in the base.
        Exact = "exact",
        /// The same content stands on another line of the file in the base.
        Moved = "moved",
        /// The same content stands in the base in the file that was renamed to this one.
        Renamed = "renamed",
        /// The same advisory of the package stands in the base, in another version.
        Version = "version",
        /// The diff leaves its file alone.
        Unchanged = "unchanged",
        /// The diff touches its file and leaves its lines alone, and nothing else tells that it was there.
        UnchangedLines = "unchanged_lines",
    }
}

words! {
    /// Where a secret was found, as far as the report says.
    #[derive(Default)]
    Sighting {
        /// The report does not say.
        #[default]
        Unsaid = "unsaid",
        /// In the file as it lies there, and the whole value stands on the lines of the finding: whoever shows that they
        /// are the same shows that the value is.
        OnItsLines = "on_its_lines",
        /// In the file as it lies there, on lines that may hold only where the value begins.
        InFile = "in_file",
        /// In a commit of the history: what the files hold now says nothing about it.
        InHistory = "in_history",
    }
}

impl Sighting {
    /// Whether the file as it lies there holds the value: whoever shows that it is the same shows that the value is.
    pub const fn is_in_file(self) -> bool {
        matches!(self, Self::OnItsLines | Self::InFile)
    }

    /// Of a commit by its name, which a scan of files leaves empty or writes as zeros.
    pub fn of_commit(name: &str) -> Self {
        if name.bytes().all(|b| b == b'0') { Self::Unsaid } else { Self::InHistory }
    }
}

words! {
    /// How a place belongs to a finding that is elsewhere.
    PlaceRole {
        /// The report calls it related.
        Related = "related",
        /// A step on the way from where data comes in to where it does harm, in its order.
        Flow = "flow",
    }
}

words! {
    /// Kind of target that a report scanned.
    Target {
        /// A container image.
        Image = "image",
        /// A directory, repository or root file system.
        Filesystem = "filesystem",
    }
}

impl Confidence {
    /// The value of a scanner's word, letter case ignored; `None` for a word outside the scale.
    pub fn plain(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| word.trim().eq_ignore_ascii_case(c.as_str()))
    }
}

words! {
    /// Attribute that some scanners tell of a finding and others never do.
    Attribute {
        /// How sure the scanner is.
        Confidence = "confidence",
        /// Whether a credential was found to be live.
        Verified = "verified",
        /// Which kind of dependency the package is.
        Scope = "scope",
        /// Whether a fixed version exists.
        Fix = "fix",
        /// When the advisory was published.
        Age = "age",
        /// The package.
        Package = "package",
        /// When the first version with the fix came out.
        FixSince = "fix_available_for",
        /// Whether the system that the package is part of is still maintained.
        EndOfLife = "end_of_life",
    }
}
