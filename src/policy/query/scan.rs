//! Checks before the library parses: text that would take it too long, and functions it would not name, are refused.

use super::super::error::{listed, nearest, quoted};
use super::QueryError;

/// Longest query, in bytes.
const LONGEST: usize = 1000;

/// Deepest nesting of brackets.
const DEPTH: usize = 12;

/// Functions in functions: the library's parser tries each several times, so its time grows with a power of it.
const CALLS: usize = 2;

/// The functions of RFC 9535.
const FUNCTIONS: &[&str] = &["length", "count", "match", "search", "value"];

/// Refuses what must not reach the parser.
pub(super) fn before_parsing(text: &str) -> Result<(), QueryError> {
    if text.len() > LONGEST {
        return Err(QueryError::new(format!("the query has {} bytes; {LONGEST} are allowed", text.len())));
    }
    if text.chars().any(char::is_control) {
        return Err(QueryError::new("the query holds control characters"));
    }
    let mut open: Vec<bool> = Vec::new();
    let mut fault = None;
    each_outside_strings(text, |before, c| match c {
        '(' => {
            let name = called(before);
            if !name.is_empty() && !FUNCTIONS.contains(&name) && fault.is_none() {
                fault = Some(unknown_function(name));
            }
            open.push(!name.is_empty());
            if open.len() > DEPTH || open.iter().filter(|call| **call).count() > CALLS {
                fault.get_or_insert_with(|| QueryError::new("the query is nested too deep"));
            }
        }
        '[' => {
            open.push(false);
            if open.len() > DEPTH {
                fault.get_or_insert_with(|| QueryError::new("the query is nested too deep"));
            }
        }
        ')' | ']' => {
            open.pop();
        }
        _ => {}
    });
    fault.map_or(Ok(()), Err)
}

/// Whether round brackets are closed as often as opened, and never before.
pub(super) fn balanced(text: &str) -> bool {
    let (mut depth, mut never_below) = (0_i32, true);
    each_outside_strings(text, |_, c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        never_below &= depth >= 0;
    });
    depth == 0 && never_below
}

/// Calls `see` with each character outside quotes and the text before it.
fn each_outside_strings<'t>(text: &'t str, mut see: impl FnMut(&'t str, char)) {
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None => see(text.get(..index).unwrap_or(""), c),
        }
    }
}

/// The name that ends where a bracket opens.
fn called(before: &str) -> &str {
    let start = before
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + before.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
    before.get(start..).unwrap_or("")
}

fn unknown_function(name: &str) -> QueryError {
    let help = match (name, nearest(name, FUNCTIONS)) {
        (_, Some(near)) => format!("did you mean `{near}`?"),
        ("contains" | "startsWith" | "endsWith" | "in", None) => {
            "search(@.title, 'text') looks for a text; known are `length`, `count`, `match`, `search`, `value`".to_owned()
        }
        _ => format!("known are {}", listed(FUNCTIONS)),
    };
    QueryError::help(format!("unknown function {}", quoted(name)), help)
}
