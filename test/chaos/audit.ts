import type { Dev } from '../support/cli.ts'

/** Writes down every change of a checkpoint, apart from what Isthmus says of it. `isthmus.checkpoints` exists once a stream was taken hold of. */
export async function watchCheckpoints(dev: Pick<Dev, 'query'>): Promise<void> {
  await dev.query(`
    create schema if not exists isthmus;
    create table if not exists public.chaos_audit (n bigserial, old_epoch bigint, old_seq bigint, new_epoch bigint, new_seq bigint, ended bool);
    create or replace function public.chaos_audit() returns trigger language plpgsql as $f$
    begin
      insert into public.chaos_audit (old_epoch, old_seq, new_epoch, new_seq, ended) values (old.epoch, old.seq, new.epoch, new.seq, old.complete);
      return new;
    end $f$;
    create or replace trigger chaos_audit before update on isthmus.checkpoints for each row execute function public.chaos_audit()`)
}

/** Commits that did not move a checkpoint on. What follows the last chunk (the end of a generation) has no chunk of its own. */
export async function staleWrites(dev: Pick<Dev, 'query'>): Promise<number> {
  const [row] = await dev.query<{ n: string }>('select count(*) as n from public.chaos_audit where (new_epoch, new_seq) < (old_epoch, old_seq) or ((new_epoch, new_seq) = (old_epoch, old_seq) and not ended)')
  return Number(row!.n)
}
