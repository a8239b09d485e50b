/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Process tasks that run a function of this program: the parent's side. */
#ifndef SUP_CORE_PROCESS_FUNCTION_H
#define SUP_CORE_PROCESS_FUNCTION_H

#include <sup/process.h>
#include <sup/types.h>

struct sup__process;

/*
 * open and close with the runtime; -EPERM main() was to run a function,
 * -ENOMEM, -EMFILE. init: for a spec that has one, whose argv is filled in
 * then; free when the process is. born, with sup__processes held: hands it what
 * it is to run, before it runs. not_ready: why it is not, if that is for the
 * function to say; else 0.
 */
int sup__process_functions_open(void);
void sup__process_functions_close(void);
int sup__process_function_init(struct sup__process *p,
			       struct sup_process_spec *spec);
void sup__process_function_free(struct sup__process *p);
int sup__process_function_born(struct sup__process *p);
int sup__process_function_not_ready(struct sup__process *p, int err,
				    const char *what);

/*
 * hear: takes in what it has sent, as far as it has room where it goes. rest:
 * all that is left, at its end; what finds no room is dropped. retry: those
 * that had none. The runtime's thread.
 */
void sup__process_function_hear(struct sup__process *p);
void sup__process_function_rest(struct sup__process *p);
void sup__process_function_retry(void);

/* As struct sup__task_ops has it. */
int sup__process_function_send(void *process, const struct sup_msg *msg,
			       int64_t deadline);

#endif
