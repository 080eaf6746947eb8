//! Addresses of running applications, as what they are compared by and told with.

/// Host and path of an address, without its user and its query.
pub(super) fn without_values(address: &str) -> &str {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = address.find('/').unwrap_or(address.len());
    let user = address.get(..host).and_then(|host| host.rfind('@')).map_or(0, |at| at + 1);
    address.get(user..).unwrap_or_default()
}

/// What of a place survives in another environment: of an address its path and the names in its query, since review
/// applications have hosts of their own; of `host/1.2.3.4` the host. Anything else, such as the name of a machine, is
/// the resource itself.
pub(super) fn stable_place(place: &str) -> String {
    let place = place.trim();
    if let Some((name, address)) = place.rsplit_once('/')
        && !name.is_empty()
        && address.parse::<std::net::IpAddr>().is_ok()
        && !name.contains("://")
    {
        return name.to_owned();
    }
    let (scheme, rest) = place.split_once("://").unwrap_or(("", place));
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let before = before.split('#').next().unwrap_or_default();
    let is_url = !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+');
    let path = if is_url { before.find('/').and_then(|at| before.get(at..)).unwrap_or("/") } else { before };
    let query = query.split('#').next().unwrap_or_default();
    let mut names: Vec<&str> =
        query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.iter().fold(path.to_owned(), |place, name| format!("{place}?{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_what_may_hold_values() {
        assert_eq!(without_values("https://u:p@h:1/x@y?q=1#f"), "h:1/x@y");
        assert_eq!(without_values("h"), "h");
        assert_eq!(without_values(""), "");
    }

    #[test]
    fn of_an_address_the_path_and_the_names_stay() {
        for (place, stable) in [
            ("https://u:p@review-1.test/a/b?x=1&c=2#f", "/a/b?c?x"),
            ("https://review-2.test", "/"),
            ("https://review-2.test?id=1", "/?id"),
            ("/admin?x=1", "/admin?x"),
            ("db-1", "db-1"),
            ("arn:aws:s3:::data", "arn:aws:s3:::data"),
            ("shop.test/1.1.1.1", "shop.test"),
            ("shop.test/::1", "shop.test"),
            ("/1.1.1.1", "/1.1.1.1"),
            ("", ""),
        ] {
            assert_eq!(stable_place(place), stable, "{place}");
        }
    }
}
