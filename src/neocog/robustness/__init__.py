"""Where a trained run breaks: the parts of ``neocog stress``, one file a subject.

A part is a module, named in ``names.py`` (one line a part, free of torch), with two functions:
``check(subject: Subject) -> None`` raises UserError, of all that the data or options do not allow, before anything is computed;
``run(subject: Subject, clock: Clock) -> Outcome`` tries.

- ``subject.py``: the run, loaded, and the labelled samples it is tried on: ``subject.samples`` (as ``Task.answers`` takes them),
  ``subject.few()`` (at most ``--samples`` of them, drawn by lot), ``subject.parts`` (positions of train, validation and test
  in its own data), ``subject.evaluation(samples)`` (the task's own measures, with intervals), ``subject.options`` (the part's own).
- ``clock.py``: ``clock.pieces(what, names, compute)`` is {name: compute(name)}, of plain JSON values. Each piece is kept as it
  is finished, so that a part that was killed goes on where it was and ends in the same bytes; what the time is over for is
  missing there, and is to be said in the outcome. A bar shows how far it is.
- ``outcome.py``: tables (each becomes ``stress/NAME.csv``), sections for the report, verdicts. No times stand in them. Each
  verdict is a line of the card at the report's head; its link is the part's first section.
- ``thresholds.py``: ``graded(what, bound, number, sentence)`` is a verdict by a threshold of ``thresholds.toml``, where all of them
  stand; users may give others later, so a number is kept and graded anew when it is read.

What ``check`` raises is shown where the part was asked for by name, else said as "not tried". Options of a part are arguments
of ``verbs/stress.py`` (default None: the part's own), which hands them on, and flags of ``cli/stress.py``; their names stand in
the part's line of ``names.py``, so that an option without effect is refused.
"""
