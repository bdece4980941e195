//! What the terminal can show.

use opportune_report::Look;
use std::ffi::OsString;
use std::io::IsTerminal;

/// Of standard output; `ascii` is asked for by a flag.
pub fn look(ascii: bool) -> Look {
    let unicode = !ascii && (cfg!(windows) || says_utf8(|name| std::env::var_os(name)));
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let dumb = set("TERM").is_some_and(|term| term == "dumb");
    let colour = std::io::stdout().is_terminal() && set("NO_COLOR").is_none() && !dumb;
    Look { unicode, colour }
}

/// Whether the locale's encoding is UTF-8: the first of the variables that is set decides, as in POSIX.
fn says_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    let letters = set.map(|value| value.to_string_lossy().to_ascii_lowercase().replace('-', ""));
    letters.is_some_and(|value| value.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let says = |set: &[(&str, &str)]| {
            says_utf8(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value)))
        };
        assert!(says(&[("LANG", "de_DE.UTF-8")]) && says(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")]));
        assert!(!says(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!says(&[]) && !says(&[("LANG", "en_US.ISO-8859-1")]));
        assert!(!look(true).unicode);
    }
}
