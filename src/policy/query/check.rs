//! The subset of `JSONPath` that policies may use, as a walk over the library's syntax tree.
//!
//! Refused, because the library answers it wrongly or accepts it against RFC 9535: filters in filters, `..`, several
//! selectors in one bracket, ill-typed function calls, functions of its own, `count` where nothing would count as 0.
//! Refused, because it can only be a mistake: names and words that a finding cannot have, comparisons of what can
//! never be equal, and tests that every finding passes.

use std::cell::RefCell;

use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, Literal, Segment, Selector, SingularQuery,
    SingularQuerySegment, Test, TestFunction,
};

use super::super::error::{listed, nearest, quoted};
use super::fields::{FINDING, FieldShape};
use super::{QueryError, regexp};

type QueryCheck<T> = Result<T, QueryError>;

/// Checks queries about findings or about documents.
pub(super) struct Checker {
    /// Type of `@` in a filter.
    root: FieldShape,
    /// The paths that were followed.
    followed: RefCell<Vec<Vec<Segment>>>,
}

/// Whether a path can find one node at most.
pub(super) fn singular(segments: &[Segment]) -> bool {
    segments.iter().all(|s| matches!(s, Segment::Selector(Selector::Name(_) | Selector::Index(_))))
}

/// One side of a comparison.
enum Side<'q> {
    Literal(&'q Literal),
    /// A part of `@`, its name, and whether it is one of `ids`.
    Part {
        shape: FieldShape,
        name: String,
        of_ids: bool,
    },
    Count,
}

impl Checker {
    pub(super) fn of_findings() -> Self {
        Self { root: FINDING, followed: RefCell::default() }
    }

    pub(super) fn of_documents() -> Self {
        Self { root: FieldShape::Any, followed: RefCell::default() }
    }

    fn about_findings(&self) -> bool {
        !matches!(self.root, FieldShape::Any)
    }

    /// The paths that a condition asks for, each from `@`.
    pub(super) fn asked(filter: &Filter) -> Vec<Vec<Segment>> {
        let checker = Self::of_documents();
        let _ = checker.filter(filter);
        checker.followed.into_inner().into_iter().filter(|path| !path.is_empty()).collect()
    }

    /// The steps of a path into a document; a filter may stand in it, but not in another.
    pub(super) fn segments(&self, segments: &[Segment]) -> QueryCheck<()> {
        for segment in segments {
            match segment {
                Segment::Selector(Selector::Filter(filter)) => self.filter(filter)?,
                other => step(other, FieldShape::Any).map(|_| ())?,
            }
        }
        Ok(())
    }

    /// A whole condition.
    pub(super) fn filter(&self, filter: &Filter) -> QueryCheck<()> {
        match filter {
            Filter::Or(all) | Filter::And(all) => all.iter().try_for_each(|f| self.filter(f)),
            Filter::Atom(FilterAtom::Filter { expr, .. }) => self.filter(expr),
            Filter::Atom(FilterAtom::Test { expr, .. }) => self.standing(expr),
            Filter::Atom(FilterAtom::Comparison(comparison)) => self.comparison(comparison),
        }
    }

    /// A test that stands alone: whether something is there, or whether a text matches.
    fn standing(&self, whole: &Test) -> QueryCheck<()> {
        match whole {
            Test::RelQuery(segments) => self.existence(segments),
            Test::AbsQuery(_) => Err(root_refused()),
            Test::Function(function) => match &**function {
                TestFunction::Match(text, pattern) | TestFunction::Search(text, pattern) => {
                    self.pattern(text, pattern)
                }
                TestFunction::Custom(name, _) => Err(not_rfc(name)),
                TestFunction::Length(_) => Err(must_be_compared("length")),
                TestFunction::Count(_) => Err(must_be_compared("count")),
                TestFunction::Value(_) => Err(must_be_compared("value")),
            },
        }
    }

    fn existence(&self, segments: &[Segment]) -> QueryCheck<()> {
        let (shape, _) = self.walk(segments)?;
        if !self.about_findings() {
            return Ok(());
        }
        let name = display_path(segments, "@", segments.len());
        match segments {
            [] => Err(QueryError::help(
                "`@` alone is there in every finding",
                "name a part: @.severity == 'high'",
            )),
            [_] => {
                let write = match shape {
                    FieldShape::Bool => format!("{name} == true"),
                    FieldShape::List(_) => format!("{name}[0]"),
                    _ => format!("{name} != null"),
                };
                Err(QueryError::help(
                    format!("`{name}` alone is there in every finding, if only as null"),
                    format!("write {write}"),
                ))
            }
            _ => Ok(()),
        }
    }

    /// `match` and `search`: one text, and a pattern that is written out, so that it can be checked now.
    fn pattern(&self, text: &FnArg, pattern: &FnArg) -> QueryCheck<()> {
        let FnArg::Literal(Literal::String(pattern)) = pattern else {
            return Err(QueryError::new("the pattern of `match` and `search` must be a text in quotes"));
        };
        regexp::check(pattern)?;
        let (shape, of_ids) = self.one_value(text)?;
        if of_ids && looks_like_cwe(pattern) {
            return Err(cwe_in_ids());
        }
        match shape {
            FieldShape::Text | FieldShape::Word(_) | FieldShape::Any => Ok(()),
            other => Err(QueryError::new(format!(
                "`match` and `search` need a text, not {}",
                other.with_article()
            ))),
        }
    }

    /// An argument that is one value: a singular path, or `value(…)` of any path.
    fn one_value(&self, argument: &FnArg) -> QueryCheck<(FieldShape, bool)> {
        let FnArg::Test(test) = argument else {
            return Err(QueryError::help("the function needs a path", "as in length(@.title) > 10"));
        };
        match &**test {
            Test::RelQuery(segments) if singular(segments) => {
                Ok((self.walk(segments)?.0, starts_with_ids(segments)))
            }
            Test::RelQuery(_) => Err(QueryError::help(
                "the function needs a path that finds one value at most: names and indexes only",
                "value(…) makes one value of several",
            )),
            Test::AbsQuery(_) => Err(root_refused()),
            Test::Function(function) => match &**function {
                TestFunction::Value(path) => self.several(path),
                _ => Err(QueryError::new("of functions only `value` can stand in a function")),
            },
        }
    }

    /// An argument that is a path of any kind.
    fn several(&self, argument: &FnArg) -> QueryCheck<(FieldShape, bool)> {
        let FnArg::Test(test) = argument else {
            return Err(QueryError::new("`count` and `value` need a path"));
        };
        match &**test {
            Test::RelQuery(segments) => Ok((self.walk(segments)?.0, starts_with_ids(segments))),
            Test::AbsQuery(_) => Err(root_refused()),
            Test::Function(_) => Err(QueryError::new("`count` and `value` need a path, not a function")),
        }
    }

    fn comparison(&self, comparison: &Comparison) -> QueryCheck<()> {
        let (left, right) = comparison.vals();
        let ordered = !matches!(comparison, Comparison::Eq(..) | Comparison::Ne(..));
        match (self.side(left)?, self.side(right)?) {
            (Side::Literal(_), Side::Literal(_)) => {
                Err(QueryError::new("two constants are compared; name a part of `@`"))
            }
            (Side::Count, Side::Literal(number)) => count(comparison, 0.0, number, true),
            (Side::Literal(number), Side::Count) => count(comparison, 0.0, number, false),
            (Side::Count, _) | (_, Side::Count) => {
                Err(QueryError::new("`count` must be compared with a number"))
            }
            (Side::Part { shape, name, of_ids }, Side::Literal(literal))
            | (Side::Literal(literal), Side::Part { shape, name, of_ids }) => {
                fits(shape, &name, of_ids, literal, ordered)
            }
            (Side::Part { shape: a, name, .. }, Side::Part { shape: b, name: other, .. }) => {
                let any = matches!(a, FieldShape::Any) || matches!(b, FieldShape::Any);
                let alike = std::mem::discriminant(&a) == std::mem::discriminant(&b);
                if any || (alike && !matches!(a, FieldShape::List(_) | FieldShape::Object(_))) {
                    Ok(())
                } else {
                    Err(QueryError::new(format!(
                        "`{name}` is {} and `{other}` is {}: they cannot be compared",
                        a.with_article(),
                        b.with_article()
                    )))
                }
            }
        }
    }

    fn side<'q>(&self, comparable: &'q Comparable) -> QueryCheck<Side<'q>> {
        match comparable {
            Comparable::Literal(literal) => Ok(Side::Literal(literal)),
            Comparable::SingularQuery(SingularQuery::Root(_)) => Err(root_refused()),
            Comparable::SingularQuery(SingularQuery::Current(steps)) => {
                let segments: Vec<Segment> = steps.iter().map(as_segment).collect();
                let (shape, name) = self.walk(&segments)?;
                Ok(Side::Part { shape, name, of_ids: starts_with_ids(&segments) })
            }
            Comparable::Function(function) => match function {
                TestFunction::Length(argument) => match self.one_value(argument)?.0 {
                    FieldShape::Number | FieldShape::Bool => {
                        Err(QueryError::new("`length` needs a text or a list"))
                    }
                    _ => Ok(Side::Part {
                        shape: FieldShape::Number,
                        name: "length(…)".to_owned(),
                        of_ids: false,
                    }),
                },
                TestFunction::Value(argument) => {
                    let (shape, of_ids) = self.several(argument)?;
                    Ok(Side::Part { shape, name: "value(…)".to_owned(), of_ids })
                }
                TestFunction::Count(argument) => self.several(argument).map(|_| Side::Count),
                TestFunction::Match(..) | TestFunction::Search(..) => Err(QueryError::help(
                    "`match` and `search` say yes or no and are not compared",
                    "write search(@.title, 'text') alone, or !search(…)",
                )),
                TestFunction::Custom(name, _) => Err(not_rfc(name)),
            },
        }
    }

    /// Follows a path; says what it finds and how it is written.
    fn walk(&self, segments: &[Segment]) -> QueryCheck<(FieldShape, String)> {
        self.followed.borrow_mut().push(segments.to_vec());
        let shape = segments.iter().try_fold(self.root, |shape, segment| step(segment, shape))?;
        Ok((shape, display_path(segments, "@", segments.len())))
    }
}

/// Follows one step.
fn step(segment: &Segment, shape: FieldShape) -> QueryCheck<FieldShape> {
    let selector = match segment {
        Segment::Selector(selector) => selector,
        Segment::Descendant(_) => {
            return Err(QueryError::help(
                "`..` is not used in policies",
                "write the names out: @.location.path",
            ));
        }
        Segment::Selectors(_) => {
            return Err(QueryError::help(
                "several selectors in one bracket are not used in policies",
                "join two conditions with ||",
            ));
        }
    };
    match (selector, shape) {
        (Selector::Filter(_), _) => Err(QueryError::help(
            "a filter stands inside a filter; the JSONPath library answers that wrongly",
            "use the selectors `ids`, `cwe`, `tool` or `path`, or an index: @.ids[0] == 'CVE-2024-3094'",
        )),
        (Selector::Slice(_, _, Some(0)), _) => Err(QueryError::new("a slice with step 0 finds nothing")),
        (_, FieldShape::Any) => Ok(FieldShape::Any),
        (Selector::Name(name), FieldShape::Object(names)) => {
            names.iter().find(|(known, _)| known == name).map(|(_, shape)| *shape).ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(|(known, _)| *known).collect();
                match nearest(name, &known) {
                    Some(near) => {
                        QueryError::new(format!("a finding has no {}; did you mean `{near}`?", quoted(name)))
                    }
                    None => QueryError::help(
                        format!("a finding has no {}", quoted(name)),
                        format!("known are {}", listed(&known)),
                    ),
                }
            })
        }
        (Selector::Index(_) | Selector::Slice(..) | Selector::Wildcard, FieldShape::List(item)) => Ok(*item),
        (Selector::Wildcard, FieldShape::Object(_)) => {
            Err(QueryError::help("`*` over the parts of a finding is not used in policies", "name the part"))
        }
        (Selector::Name(name), other) => Err(QueryError::new(format!(
            "{} is looked for in {}, which has no names",
            quoted(name),
            other.with_article()
        ))),
        (_, other) => Err(QueryError::new(format!(
            "an index or `*` is used on {}, which has none",
            other.with_article()
        ))),
    }
}

/// Whether a part can be compared with a constant in a way that can hold.
fn fits(shape: FieldShape, name: &str, of_ids: bool, literal: &Literal, ordered: bool) -> QueryCheck<()> {
    if let Literal::String(text) = literal
        && of_ids
        && looks_like_cwe(text)
    {
        return Err(cwe_in_ids());
    }
    match (shape, literal) {
        (FieldShape::Word(_), _) if ordered => Err(QueryError::help(
            format!("`{name}` is a word; `<` and `>` would compare letters"),
            "the selector `severity: high` means high or worse; so does `confidence:`",
        )),
        (_, Literal::Null | Literal::Bool(_)) if ordered => {
            Err(QueryError::new("only numbers and texts have an order"))
        }
        (FieldShape::Any, _)
        | (_, Literal::Null)
        | (FieldShape::Text, Literal::String(_))
        | (FieldShape::Number, Literal::Int(_) | Literal::Float(_))
        | (FieldShape::Bool, Literal::Bool(_)) => Ok(()),
        (FieldShape::Word(words), Literal::String(text)) => {
            let known = words();
            if known.contains(&text.as_str()) {
                return Ok(());
            }
            let message = format!("`{name}` is never {}", quoted(text));
            Err(match nearest(text, &known) {
                Some(near) => QueryError::new(format!("{message}; did you mean `{near}`?")),
                None => QueryError::help(message, format!("known are {}", listed(&known))),
            })
        }
        (shape, literal) => Err(QueryError::new(format!(
            "`{name}` is {} and never equals {}",
            shape.with_article(),
            quoted(&literal.to_string())
        ))),
    }
}

/// Where a path finds nothing the library does not count 0 but fails, and the comparison never holds. So `count` may
/// stand only where 0 would not hold either.
fn count(comparison: &Comparison, zero: f64, number: &Literal, count_first: bool) -> QueryCheck<()> {
    #[allow(clippy::cast_precision_loss)] // The parser takes integers up to 2^53 only.
    let number = match number {
        Literal::Int(number) => *number as f64,
        Literal::Float(number) => *number,
        _ => return Err(QueryError::new("`count` must be compared with a number")),
    };
    let (left, right) = if count_first { (zero, number) } else { (number, zero) };
    let holds = match comparison {
        Comparison::Eq(..) => left.total_cmp(&right).is_eq(),
        Comparison::Ne(..) => left.total_cmp(&right).is_ne(),
        Comparison::Gt(..) => left > right,
        Comparison::Gte(..) => left >= right,
        Comparison::Lt(..) => left < right,
        Comparison::Lte(..) => left <= right,
    };
    if holds {
        return Err(QueryError::help(
            "the JSONPath library does not count what is missing as 0, and this comparison would have to hold for 0",
            "ask for what must not be there: !@.ids[0]",
        ));
    }
    Ok(())
}

fn as_segment(step: &SingularQuerySegment) -> Segment {
    Segment::Selector(match step {
        SingularQuerySegment::Index(index) => Selector::Index(*index),
        SingularQuerySegment::Name(name) => Selector::Name(name.clone()),
    })
}

/// A path as an author would write it.
pub(super) fn display_path(segments: &[Segment], start: &str, steps: usize) -> String {
    let step = |segment: &Segment| match segment {
        Segment::Selector(Selector::Name(name)) => format!(".{}", crate::finding::clean(name)),
        Segment::Selector(Selector::Index(index)) => format!("[{index}]"),
        Segment::Selector(Selector::Wildcard) => "[*]".to_owned(),
        _ => "[…]".to_owned(),
    };
    segments.iter().take(steps).fold(start.to_owned(), |text, segment| text + &step(segment))
}

fn starts_with_ids(segments: &[Segment]) -> bool {
    matches!(segments.first(), Some(Segment::Selector(Selector::Name(name))) if name == "ids")
}

fn looks_like_cwe(text: &str) -> bool {
    text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("CWE"))
}

fn cwe_in_ids() -> QueryError {
    QueryError::help(
        "`ids` holds advisories and never a CWE",
        "use the selector `cwe: [79]`, or @.cwes[0] == 79",
    )
}

fn root_refused() -> QueryError {
    QueryError::help("`$` is not used inside a condition", "`@` is what the condition looks at")
}

fn must_be_compared(function: &str) -> QueryError {
    QueryError::help(
        format!("`{function}` gives a value, which must be compared"),
        format!("as in {function}(@.ids) > 1"),
    )
}

fn not_rfc(name: &str) -> QueryError {
    QueryError::help(
        format!("unknown function {}", quoted(name)),
        "known are `length`, `count`, `match`, `search`, `value` (RFC 9535); join conditions with ||",
    )
}
