//! The bundled digits are learnt.

use opportune_core::plan::Part;
use opportune_core::ports::Planner;
use opportune_core::score::Score;
use opportune_core::settings::Settings;
use opportune_core::space::Config;
use opportune_data::{ReadOptions, read};
use opportune_net::{NativeTrainer, Run};
use std::path::Path;
use std::sync::Arc;

#[test]
fn digits_are_learnt_in_thirty_epochs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/digits.csv");
    let data = Arc::new(read(&path, &ReadOptions::default()).unwrap().data);
    let (validation, train): (Vec<u32>, Vec<u32>) = (0..data.rows() as u32).partition(|row| row % 5 == 0);
    for (hidden, optimizer, lr) in [(vec![100], "adam", 0.003), (vec![50, 50], "sgd(momentum=0.9, nesterov=true)", 0.1)]
    {
        let base = Settings { lr: Some(lr), hidden, optimizer: optimizer.parse().unwrap(), ..Settings::default() };
        let folds = vec![(train.clone(), validation.clone())];
        let trainer = NativeTrainer::new(data.clone(), folds, train.clone(), base, Score::Accuracy, 1).unwrap();
        let plan = trainer.plan(&Config::default(), Part::Fold(0)).unwrap();
        let mut run = Run::<f32>::new(Arc::new(plan), trainer.samples(Part::Fold(0)).unwrap().clone());
        let last = (0..30).filter_map(|_| run.epoch(&mut || false)).last().unwrap();
        let validation = last.validation.unwrap();
        assert!(validation.score > 0.95 && validation.loss < 0.2, "{optimizer}: {last:?}");
        assert!(last.train_score > 0.98 && last.train_loss < 0.1, "{optimizer}: {last:?}");
    }
}
