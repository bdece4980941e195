//! Writes the gallery of schedules and the page of optimizers into a folder: `cargo xtask gallery` gives it `docs`.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: gallery FOLDER");
        return ExitCode::from(2);
    };
    let write = || -> std::io::Result<usize> {
        let pictures = folder.join("schedules");
        std::fs::create_dir_all(&pictures)?;
        // Pictures of schedules that are no more.
        for entry in std::fs::read_dir(&pictures)? {
            std::fs::remove_file(entry?.path())?;
        }
        let files = opportune_report::gallery();
        for (name, content) in &files {
            std::fs::write(folder.join(name), content)?;
        }
        std::fs::write(folder.join("optimizers.md"), opportune_report::optimizers_page())?;
        Ok(files.len() + 1)
    };
    match write() {
        Ok(count) => println!("{}: {count} files", folder.display()),
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
