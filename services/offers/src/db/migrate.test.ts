import { sql, type Migration } from 'kysely';
import { useDatabase } from '../../test/database';
import { migrate, MigrationError } from './migrate';
import { migrations } from './migrations';

const database = useDatabase({ migrated: false });

const table = (name: string): Migration => ({
  up: async (db) => {
    await db.schema.createTable(name).addColumn('id', 'text').execute();
  },
});

const exists = async (name: string) => {
  const { rows } = await sql<{ found: boolean }>`
    select to_regclass(${name}) is not null as found`.execute(database().db);
  return rows[0]?.found;
};

// One after the other, on one database.
describe('migrate', () => {
  it('keeps nothing of a run in which one migration fails', async () => {
    const broken: Migration = { up: (db) => sql`nonsense`.execute(db).then(() => undefined) };
    const failing = migrate(database().db, { '0001-a': table('a'), '0002-b': broken });
    await expect(failing).rejects.toThrow(MigrationError);
    await expect(failing).rejects.toThrow(/^migration 0002-b failed: .*nonsense/);
    expect(await exists('a')).toBe(false);
  });

  it('runs what is missing, once, also when several start at once', async () => {
    const { db } = database();
    const runs = await Promise.all([migrate(db), migrate(db), migrate(db)]);
    expect(runs.flat()).toEqual(Object.keys(migrations));
    expect(await migrate(db)).toEqual([]);
    const more = await migrate(db, { ...migrations, '9999-later': table('later') });
    expect(more).toEqual(['9999-later']);
  });

  it('refuses a schema that a newer version has been at', async () => {
    const refused = migrate(database().db);
    await expect(refused).rejects.toThrow(MigrationError);
    await expect(refused).rejects.toThrow(/newer than this version of offers: it has 9999-later/);
  });
});
