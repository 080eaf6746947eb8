//! Patterns of `match` and `search`: I-Regexp (RFC 9485), as far as the library's regular expressions mean the same.

use jsonpath_rust::parser::model::{
    Filter, FilterAtom, FnArg, JpQuery, Literal, Segment, Selector, Test, TestFunction,
};
use jsonpath_rust::query::js_path_process;
use serde_json::json;

use super::QueryError;

/// Refuses a pattern that the library would read differently from the RFC, or not at all: it answers "no match"
/// to a pattern that it cannot compile, and a rule with it would match nothing.
pub(super) fn check(pattern: &str) -> Result<(), QueryError> {
    let mut chars = pattern.chars().peekable();
    let mut class = None;
    let mut before = ' ';
    while let Some(c) = chars.next() {
        match (c, class) {
            ('\\', _) => match chars.next() {
                Some(e) if "()*+-.?[\\]^{|}nrt".contains(e) => {}
                Some('p' | 'P') if chars.peek() == Some(&'{') => {}
                Some('$') => return Err(different("\\$", "a dollar sign is written [$]")),
                Some('d') => return Err(different("\\d", "a digit is written [0-9]")),
                Some('w') => return Err(different("\\w", "a letter is written [A-Za-z0-9_]")),
                Some('s') => return Err(different("\\s", "a blank is written [ \\t]")),
                Some(e) => return Err(different(&format!("\\{e}"), "RFC 9485 (I-Regexp) does not have it")),
                None => return Err(QueryError::new("the pattern ends with a lone `\\`")),
            },
            ('[', None) => {
                class = Some(());
                if chars.peek() == Some(&'^') {
                    chars.next();
                }
            }
            (']', Some(())) => class = None,
            ('[', Some(())) => return Err(different("[ inside [ ]", "write \\[")),
            ('&' | '~' | '-', Some(())) if before == c => {
                return Err(different("a doubled sign in [ ]", "write it once"));
            }
            ('^' | '$', None) => {
                return Err(different(
                    &c.to_string(),
                    "`match` is about the whole text already; as a character write [$] or \\^",
                ));
            }
            ('?', None) if "(*+?}".contains(before) => {
                return Err(different(&format!("{before}?"), "RFC 9485 (I-Regexp) does not have it"));
            }
            ('*' | '+' | '{', None) if "*+?}".contains(before) => {
                return Err(different(&format!("{before}{c}"), "one quantifier a part; use ( )"));
            }
            _ => {}
        }
        // An escaped character is nothing special for what follows.
        before = if c == '\\' { 'x' } else { c };
    }
    if compiles(pattern) { Ok(()) } else { Err(QueryError::new("the pattern is not a regular expression")) }
}

fn different(what: &str, help: &str) -> QueryError {
    QueryError::help(
        format!("the pattern holds `{}`, which RFC 9485 reads differently", crate::finding::clean(what)),
        help,
    )
}

/// Whether the library can compile a pattern. It does not say so; but with an empty alternative at its end every
/// pattern that compiles is found in the empty text.
fn compiles(pattern: &str) -> bool {
    let probe = TestFunction::Search(
        FnArg::Literal(Literal::String(String::new())),
        FnArg::Literal(Literal::String(format!("{pattern}|"))),
    );
    let atom = FilterAtom::test(Test::Function(Box::new(probe)), false);
    let query = JpQuery::new(vec![Segment::Selector(Selector::Filter(Filter::Atom(atom)))]);
    js_path_process(&query, &json!([0])).is_ok_and(|nodes| nodes.len() == 1)
}
