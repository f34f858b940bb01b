import { execFile } from 'node:child_process';

export interface UserIds {
  uid: number;
  gid: number;
}

/**
 * Who a user's tasks run as: undefined means as the agent itself, which is all that an agent without the system's
 * highest rights can do (a real one fails such tasks; on a laptop nobody has another user to offer).
 * @throws Error naming a user that the system does not know
 */
export type ResolveUser = (user: string) => Promise<UserIds | undefined>;

export function createUserResolver(switchUser: boolean): ResolveUser {
  const known = new Map<string, Promise<UserIds | undefined>>();
  if (!switchUser || process.getuid?.() !== 0) return async () => undefined;
  return (user) => {
    let ids = known.get(user);
    if (!ids) {
      ids = user === '' || user === 'root' ? Promise.resolve(undefined) : lookUp(user);
      ids.catch(() => known.delete(user));
      known.set(user, ids);
    }
    return ids;
  };
}

async function lookUp(user: string): Promise<UserIds | undefined> {
  if (user.startsWith('-')) throw new Error(`'${user}' is no name of a user`);
  const [uid, gid] = await Promise.all([ask('-u', user), ask('-g', user)]);
  return uid === 0 ? undefined : { uid, gid };
}

function ask(option: string, user: string): Promise<number> {
  return new Promise((resolve, reject) => {
    execFile('/usr/bin/id', [option, user], (error, stdout) => {
      const id = Number.parseInt(stdout, 10);
      if (error || Number.isNaN(id)) reject(new Error(`Failed to get the ids of user '${user}': no such user`));
      else resolve(id);
    });
  });
}

/** Gives a folder and all in it to a user. */
export function giveTo(directory: string, { uid, gid }: UserIds): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(
      'chown',
      ['-R', '-P', '--', `${uid}:${gid}`, directory],
      { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } },
      (error) => (error ? reject(new Error(`Failed to chown the sandbox: ${error.message}`)) : resolve()),
    );
  });
}
