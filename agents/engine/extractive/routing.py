def sub_questions(q): return (q,)
