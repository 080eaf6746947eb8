//! A file before and after a change, compared as text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Softened, Syntax, short};

/// Both sides of a file.
#[derive(Clone, Copy)]
pub(super) struct Sides<'t> {
    pub(super) was: &'t str,
    pub(super) is: &'t str,
    pub(super) is_there: bool,
    /// Behind ` #` stands why, and no more.
    pub(super) reasons: bool,
}

impl Sides<'_> {
    /// Lines that say something, with their numbers.
    pub(super) fn stated_lines<'l>(&self, text: &'l str) -> Vec<(u64, &'l str)> {
        let told =
            |line: &'l str| if self.reasons { line.split(" #").next().unwrap_or_default() } else { line };
        let lines = text.lines().map(|line| told(line).trim()).zip(1..);
        lines
            .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
            .map(|(line, at)| (at, line))
            .collect()
    }

    /// Lines of the one that the other does not have, as often as there are more.
    pub(super) fn more<'l>(of: &[(u64, &'l str)], than: &[(u64, &str)]) -> Vec<(u64, &'l str)> {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, line) in than {
            *known.entry(line).or_default() += 1;
        }
        let mut more = Vec::new();
        for (at, line) in of {
            match known.get_mut(*line) {
                Some(left) if *left > 0 => *left -= 1,
                Some(_) | None => more.push((*at, *line)),
            }
        }
        more
    }

    /// The line after the change that holds this and was not there; else the first that was not there.
    pub(super) fn line_with(&self, text: &str) -> Option<u64> {
        let more = Self::more(&self.stated_lines(self.is), &self.stated_lines(self.was));
        let with = more.iter().find(|(_, line)| !text.is_empty() && line.contains(text));
        with.or(more.first()).map(|(at, _)| *at).or(self.is_there.then_some(1))
    }

    /// Whether any of these keys says something else.
    pub(super) fn part(&self, syntax: Syntax, keys: &[&str]) -> Vec<Softened> {
        let trees = syntax.parse_settings(self.was).zip(syntax.parse_settings(self.is));
        let Some((was, is)) = trees else {
            // What cannot be read may say anything, but only where it speaks of the scanner at all.
            let last = |key: &&str| key.rsplit('.').next().unwrap_or_default().to_owned();
            let speaks = |text: &str| keys.iter().any(|key| text.contains(&last(key)));
            return if speaks(self.was) || speaks(self.is) { self.text() } else { Vec::new() };
        };
        let at = |tree: &Map<String, Value>, key: &str| {
            let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
            let found = tree.get(first)?;
            match rest {
                Some(rest) => found.get(rest).cloned(),
                None => Some(found.clone()),
            }
        };
        let others = keys.iter().filter(|key| at(&was, key) != at(&is, key));
        let one = |key: &&str| Softened {
            line: self.line_with(key.rsplit('.').next().unwrap_or_default()),
            before: format!("`{key}` as it was"),
            after: format!("`{key}` is another"),
        };
        others.map(one).collect()
    }

    pub(super) fn lines(&self) -> Vec<Softened> {
        let more = Self::more(&self.stated_lines(self.is), &self.stated_lines(self.was));
        let one = |(at, line): (u64, &str)| Softened {
            line: Some(at),
            before: "not there".to_owned(),
            after: short(line),
        };
        more.into_iter().map(one).collect()
    }

    pub(super) fn patterns(&self, was_there: bool) -> Vec<Softened> {
        let (was, is) = (self.stated_lines(self.was), self.stated_lines(self.is));
        let back = |line: &str| line.starts_with('!');
        let mut found: Vec<Softened> = self.lines();
        found.retain(|softened| !back(&softened.after));
        let first = self.is_there.then_some(1);
        for (_, line) in Self::more(&was, &is).into_iter().filter(|(_, line)| back(line)) {
            found.push(Softened { line: first, before: short(line), after: "gone".to_owned() });
        }
        // With exceptions to exceptions the last that fits decides.
        let kept = |of: &[(u64, &str)], than: &[(u64, &str)]| {
            let other: Vec<String> = than.iter().map(|(_, line)| (*line).to_owned()).collect();
            let kept = of.iter().filter(|(_, line)| other.iter().any(|known| known == line));
            kept.map(|(_, line)| (*line).to_owned()).collect::<Vec<_>>()
        };
        if is.iter().any(|(_, line)| back(line)) && kept(&is, &was) != kept(&was, &is) {
            let (before, after) =
                ("in its order".to_owned(), "in another order, and the last that fits decides".to_owned());
            found.push(Softened { line: first, before, after });
        }
        if was_there && !self.is_there {
            let after = "gone, so that Semgrep's own list of folders to leave out holds again".to_owned();
            found.push(Softened { line: None, before: "there".to_owned(), after });
        }
        found
    }

    /// That settings are others, whatever they say.
    pub(super) fn text(&self) -> Vec<Softened> {
        let (was, is) = (self.stated_lines(self.was), self.stated_lines(self.is));
        let (come, gone) = (Self::more(&is, &was), Self::more(&was, &is));
        if come.is_empty() && gone.is_empty() {
            return Vec::new();
        }
        let before = if was.is_empty() { "not there" } else { "as it was" };
        let after = if self.is_there {
            format!("other settings: {} lines come, {} go", come.len(), gone.len())
        } else {
            "gone, and with it what it demanded".to_owned()
        };
        let line = come.first().map(|(at, _)| *at).or(self.is_there.then_some(1));
        vec![Softened { line, before: before.to_owned(), after }]
    }
}
