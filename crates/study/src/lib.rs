//! Carries out what a policy asks for: shares prefixes, pauses, resumes and stores.
