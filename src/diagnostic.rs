//! Diagnostics: what a file that somebody wrote or saved can cause to be said, with a code for programs.
//!
//! Each folder has a module `diagnostics`, the one place that words its messages. A message is a value with a code, which
//! stays the same when the wording changes; JSON carries both, and `secgate explain --codes` lists every code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The code of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiagnosticCode {
    /// Its name, in small letters with hyphens.
    pub id: &'static str,
    /// The occasion, in a sentence.
    about: &'static str,
}

impl DiagnosticCode {
    /// A code, as its declaration in a table of diagnostics says it.
    pub const fn new(id: &'static str, about: &'static str) -> Self {
        Self { id, about }
    }

    /// The occasion, in a sentence.
    pub fn about(&self) -> &'static str {
        self.about.trim()
    }
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id)
    }
}

/// A diagnostic of whatever folder.
pub trait Diagnostic: fmt::Display {
    /// The code for programs.
    fn code(&self) -> &str;

    /// The action to take, on one line, where there is one to name.
    fn suggestion(&self) -> Option<String>;
}

/// A diagnostic as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidDiagnostic {
    /// Its wording.
    pub message: String,
    /// Its code.
    pub code: String,
    /// Its suggestion.
    pub suggestion: Option<String>,
}

impl SaidDiagnostic {
    /// Wording, code and suggestion of a diagnostic.
    pub fn of(diagnostic: &dyn Diagnostic) -> Self {
        Self {
            message: diagnostic.to_string(),
            code: diagnostic.code().to_owned(),
            suggestion: diagnostic.suggestion(),
        }
    }
}

impl fmt::Display for SaidDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SaidDiagnostic {}

impl Diagnostic for SaidDiagnostic {
    fn code(&self) -> &str {
        &self.code
    }

    fn suggestion(&self) -> Option<String> {
        self.suggestion.clone()
    }
}

/// Declares the diagnostics of a folder: of each its occasion, code, facts, wording and, where there is one, the
/// suggestion. A fact without a type is a text.
macro_rules! diagnostics {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $(
                #[doc = $about:literal]
                $code:literal $variant:ident $({ $($field:ident $(: $type:ty)?),+ $(,)? })?
                    => $message:literal $(, help $help:literal)? $(, help if $option:ident)?;
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the wording beside each fact tells its meaning")]
        $vis enum $name {
            $(
                #[doc = $about]
                $variant $({ $($field: $crate::diagnostic::diagnostics!(@type $($type)?)),+ })?,
            )+
        }

        impl $name {
            /// Every code, in the order of the declaration.
            pub const CODES: &'static [$crate::diagnostic::DiagnosticCode] =
                &[$($crate::diagnostic::DiagnosticCode::new($code, $about)),+];

            /// The code for programs.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $code,)+
                }
            }

            /// The action to take, on one line, where there is one to name.
            #[allow(unused_variables, dead_code, reason = "a suggestion need not repeat every fact")]
            pub fn suggestion(&self) -> Option<String> {
                match self {
                    $(Self::$variant $({ $($field),+ })? =>
                        $crate::diagnostic::diagnostics!(@help $($help)? $($option)?),)+
                }
            }
        }

        impl $crate::diagnostic::Diagnostic for $name {
            fn code(&self) -> &str {
                Self::code(self)
            }

            fn suggestion(&self) -> Option<String> {
                Self::suggestion(self)
            }
        }

        impl std::error::Error for $name {}

        impl std::fmt::Display for $name {
            #[allow(unused_variables, reason = "a message need not repeat every fact")]
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant $({ $($field),+ })? => write!(f, $message),)+
                }
            }
        }
    };
    (@type) => { String };
    (@type $type:ty) => { $type };
    (@help) => { None };
    (@help $help:literal) => { Some(format!($help)) };
    (@help $option:ident) => { $option.clone() };
}

pub(crate) use diagnostics;

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro declares what other modules see")]
mod tests {
    diagnostics! {
        /// An example.
        enum ExampleDiagnostic {
            /// A first thing.
            "first-thing" First => "something is wrong";
            /// A second thing.
            "second-thing" Second { name, count: usize } => "{name} is there {count} times", help "remove {name}";
            /// A third thing.
            "third-thing" Third { why, hint: Option<String> } => "no: {why}", help if hint;
        }
    }

    #[test]
    fn a_diagnostic_has_a_code_a_wording_and_perhaps_a_suggestion() {
        let second = ExampleDiagnostic::Second { name: "a".to_owned(), count: 2 };
        assert_eq!((second.code(), second.to_string().as_str()), ("second-thing", "a is there 2 times"));
        assert_eq!(second.suggestion().as_deref(), Some("remove a"));
        assert_eq!(
            (ExampleDiagnostic::First.to_string().as_str(), ExampleDiagnostic::First.suggestion()),
            ("something is wrong", None)
        );
        let third = ExampleDiagnostic::Third { why: "x".to_owned(), hint: Some("y".to_owned()) };
        assert_eq!(third.suggestion().as_deref(), Some("y"));
        let abouts: Vec<&str> = ExampleDiagnostic::CODES.iter().map(super::DiagnosticCode::about).collect();
        assert_eq!(abouts, ["A first thing.", "A second thing.", "A third thing."]);
    }
}
